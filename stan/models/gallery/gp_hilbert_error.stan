// The error of the Hilbert-space approximation of a Gaussian process: beside
// the exact one of the same hyperparameters, for several numbers of waves and
// widths of their interval. Nothing is sampled: both are in closed form.

functions {
  #include gallery/gp.stanfunctions
  #include gallery/hilbert.stanfunctions
}
data {
  int<lower=1> N; // rows
  vector[N] t; // input, in its unit
  vector[N] y; // outcome, in its unit
  real level; // prior mean of the outcome
  real<lower=0> level_sd; // prior sd of the outcome's mean over all inputs
  real<lower=0> rho; // length scale, in the unit of t
  real<lower=0> alpha; // sd of the curve, in the unit of y
  real<lower=0> sigma; // sd of the noise, in the unit of y
  int<lower=1> C; // approximations
  array[C] int<lower=1> waves; // of each
  array[C] real<lower=1> boundaries; // interval of each, in ranges of t
}
transformed data {
  int N_at = 101; // inputs at which they are compared, from first to last
  vector[N_at] at = linspaced_vector(N_at, min(t), max(t));
  real middle = 0.5 * (min(t) + max(t));
  vector[N_at] exact;
  vector[N_at] exact_sd;
  {
    matrix[N, N] L = cholesky_decompose(
                       add_diag(square(level_sd)
                                + gp_exp_quad_cov(to_array_1d(t), alpha, rho),
                                square(sigma)));
    matrix[N, N_at] K_cross = square(level_sd)
                              + gp_exp_quad_cov(to_array_1d(t),
                                                to_array_1d(at), alpha, rho);
    matrix[N_at, N_at] K_at = square(level_sd)
                              + gp_exp_quad_cov(to_array_1d(at), alpha, rho);
    exact = level + gp_mean(y - level, L, K_cross);
    exact_sd = gp_sd(gp_cov(L, K_cross, K_at));
  }
}
generated quantities {
  vector[C] error_mean; // largest error of the mean, in exact sds
  vector[C] error_sd; // largest error of the sd, as a share of it
  for (c in 1 : C) {
    int K = 1 + waves[c];
    real half_width = 0.5 * boundaries[c] * (max(t) - min(t));
    matrix[N, K] B = hilbert_basis(t - middle, half_width, waves[c]);
    vector[K] sds = hilbert_sds(level_sd, alpha, rho, half_width, waves[c]);
    matrix[K, K] A = hilbert_factor(crossprod(B), sds, sigma);
    matrix[N_at, K] B_at = hilbert_basis(at - middle, half_width, waves[c]);
    matrix[K, N_at] V = mdivide_left_tri_low(A, diag_pre_multiply(sds, B_at'));
    vector[K] weights = mdivide_left_tri_low(A, sds .* (B' * (y - level)));
    vector[N_at] approximate = level + V' * weights;
    vector[N_at] approximate_sd = sigma * sqrt(diagonal(crossprod(V)));
    error_mean[c] = max(abs(approximate - exact) ./ exact_sd);
    error_sd[c] = max(abs(approximate_sd ./ exact_sd - 1));
  }
}

// A Gaussian process of thousands of rows: squared exponential covariance, by
// its Hilbert-space approximation of M sine waves. Their weights are integrated
// out, since the outcome is normal: three numbers are sampled.

functions {
  #include gallery/hilbert.stanfunctions
}
data {
  int<lower=1> N; // rows
  vector[N] t; // input, in its unit
  vector[N] y; // outcome, in its unit
  real level; // prior mean of the outcome
  real<lower=0> level_sd; // prior sd of the outcome's mean over all inputs
  real<lower=0> length_shape; // inverse gamma prior of the length scale: shape
  real<lower=0> length_scale; // and scale, in the unit of t
  real<lower=0> amplitude_sd; // prior scale of the curve's sd, in the unit of y
  real<lower=0> noise_sd; // prior scale of the noise, in the unit of y
  int<lower=1> M; // waves: the more, the shorter curves they can follow
  real<lower=1> boundary; // interval of the waves, in ranges of t
  int<lower=0> N_new; // new rows, within the range of t
  vector[N_new] t_new; // their input, as t
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
transformed data {
  real middle = 0.5 * (min(t) + max(t));
  real half_width = 0.5 * boundary * (max(t) - min(t));
  matrix[N, 1 + M] B = hilbert_basis(t - middle, half_width, M);
  matrix[1 + M, 1 + M] BB = crossprod(B);
  vector[1 + M] By = B' * (y - level);
  real yy = dot_self(y - level);
}
parameters {
  real<lower=0> rho; // length scale of the curve, in the unit of t
  real<lower=0> alpha; // sd of the curve, in the unit of y
  real<lower=0> sigma; // sd of the noise, in the unit of y
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // Not so short that M waves cannot follow it, nor longer than all of the
  // rows: the data's mapping says where that is.
  lprior += inv_gamma_lpdf(rho | length_shape, length_scale);
  // Half normal: the curve may be flat, and few times its scale at most.
  lprior += normal_lpdf(alpha | 0, amplitude_sd);
  // Half normal: the noise may be next to nothing.
  lprior += normal_lpdf(sigma | 0, noise_sd);
}
model {
  target += lprior;
  if (!prior_only) {
    vector[1 + M] sds = hilbert_sds(level_sd, alpha, rho, half_width, M);
    target += hilbert_lpdf(yy | By, BB, N, sds, sigma);
  }
}
generated quantities {
  vector[N_new] f_new; // the curve at the new rows
  vector[N] log_lik; // of each row
  vector[N] y_rep; // such rows
  {
    vector[1 + M] sds = hilbert_sds(level_sd, alpha, rho, half_width, M);
    vector[1 + M] weights = to_vector(normal_rng(zeros_vector(1 + M), 1));
    vector[N] f;
    if (!prior_only) {
      matrix[1 + M, 1 + M] A = hilbert_factor(BB, sds, sigma);
      weights = mdivide_right_tri_low(
                  (sigma * weights + mdivide_left_tri_low(A, sds .* By))', A)';
    }
    weights = sds .* weights;
    f = level + B * weights;
    f_new = level + hilbert_basis(t_new - middle, half_width, M) * weights;
    y_rep = to_vector(normal_rng(f, sigma));
    for (n in 1 : N) {
      log_lik[n] = normal_lpdf(y[n] | f[n], sigma);
    }
  }
}

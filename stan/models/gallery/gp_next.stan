// Where to measure next: Gaussian process regression with the Matérn 5/2
// covariance, and by how much a measurement at each candidate is expected to
// exceed the best so far. The curve is integrated out.

functions {
  #include gallery/gp.stanfunctions
}
data {
  int<lower=1> N; // measurements
  array[N] real t; // input, in its unit
  vector[N] y; // outcome, in its unit: the more, the better
  real level; // prior mean of the outcome
  real<lower=0> level_sd; // prior sd of the outcome's mean over all inputs
  real<lower=0> length_shape; // inverse gamma prior of the length scale: shape
  real<lower=0> length_scale; // and scale, in the unit of t
  real<lower=0> amplitude_sd; // prior scale of the curve's sd, in the unit of y
  real<lower=0> noise_sd; // prior scale of the noise, in the unit of y
  int<lower=0> N_new; // candidates
  array[N_new] real t_new; // their input, as t
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  real<lower=0> rho; // length scale of the curve, in the unit of t
  real<lower=0> alpha; // sd of the curve, in the unit of y
  real<lower=0> sigma; // sd of a measurement, in the unit of y
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // Seldom shorter than the step between candidates or longer than the range
  // of them: what the length is, so few measurements hardly say.
  lprior += inv_gamma_lpdf(rho | length_shape, length_scale);
  // Half normal: the curve may be flat, and few times its scale at most.
  lprior += normal_lpdf(alpha | 0, amplitude_sd);
  // Half normal: what the instrument is known for, or less.
  lprior += normal_lpdf(sigma | 0, noise_sd);
}
model {
  target += lprior;
  if (!prior_only) {
    matrix[N, N] K = square(level_sd) + gp_matern52_cov(t, alpha, rho);
    y ~ multi_normal_cholesky(rep_vector(level, N),
                              cholesky_decompose(add_diag(K, square(sigma))));
  }
}
generated quantities {
  vector[N] log_lik; // of each row, given all others and the parameters
  vector[N] y_rep; // each row, drawn anew from what all others say of it
  vector[N_new] f_new; // expected outcome at the candidates
  vector[N_new] sd_new; // sd of the curve there
  vector<lower=0>[N_new] ei; // expected improvement there, in the unit of y
  {
    matrix[N, N] K = square(level_sd) + gp_matern52_cov(t, alpha, rho);
    matrix[N, N] L = cholesky_decompose(add_diag(K, square(sigma)));
    matrix[N, N_new] K_cross = square(level_sd)
                               + gp_matern52_cov(t, t_new, alpha, rho);
    matrix[N_new, N_new] K_new = square(level_sd)
                                 + gp_matern52_cov(t_new, alpha, rho);
    array[2] vector[N] others = gp_leave_one_out(y, level, L);
    // The best so far is the curve's where it was measured, and not the largest
    // outcome, which had luck.
    real best = level + max(gp_mean(y - level, L, K));
    for (n in 1 : N) {
      log_lik[n] = normal_lpdf(y[n] | others[1, n], others[2, n]);
    }
    if (prior_only) {
      y_rep = multi_normal_cholesky_rng(rep_vector(level, N), L);
    } else {
      y_rep = to_vector(normal_rng(others[1], others[2]));
    }
    f_new = level + gp_mean(y - level, L, K_cross);
    sd_new = gp_sd(gp_cov(L, K_cross, K_new));
    ei = expected_improvement(f_new, sd_new, best);
  }
}

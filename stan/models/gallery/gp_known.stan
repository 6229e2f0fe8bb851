// A Gaussian process whose hyperparameters are known: what it is expected to be
// at new inputs, how sure that is, and where to measure next. Nothing is
// sampled; all of it is in closed form.

functions {
  #include gallery/gp.stanfunctions
}
data {
  int<lower=1> N; // measurements
  array[N] real t; // input, in its unit
  vector[N] y; // outcome, in its unit: the more, the better
  real level; // prior mean of the outcome
  real<lower=0> level_sd; // prior sd of the outcome's mean over all inputs
  real<lower=0> rho; // length scale, in the unit of t
  real<lower=0> alpha; // sd of the curve, in the unit of y
  real<lower=0> sigma; // sd of a measurement, in the unit of y
  int<lower=0> N_new; // candidates
  array[N_new] real t_new; // their input, as t
}
transformed data {
  matrix[N, N] K = square(level_sd) + gp_matern52_cov(t, alpha, rho);
  matrix[N, N] L = cholesky_decompose(add_diag(K, square(sigma)));
  matrix[N, N_new] K_cross = square(level_sd)
                             + gp_matern52_cov(t, t_new, alpha, rho);
  matrix[N_new, N_new] K_new = square(level_sd)
                               + gp_matern52_cov(t_new, alpha, rho);
  matrix[N_new, N_new] K_given = gp_cov(L, K_cross, K_new);
  real best = level + max(gp_mean(y - level, L, K));
}
generated quantities {
  vector[N_new] mean_new = level + gp_mean(y - level, L, K_cross); // expected
  vector[N_new] sd_new = gp_sd(K_given); // sd of the curve
  vector[N_new] f_new = gp_rng(mean_new, K_given, 1e-6); // a draw of it
  vector[N_new] ei = expected_improvement(mean_new, sd_new, best); // as y
}

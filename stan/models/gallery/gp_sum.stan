// Gaussian process regression: a straight line, a smooth trend with the squared
// exponential covariance, and a curve that comes back after a known period. All
// three are integrated out: five numbers are sampled.

functions {
  #include gallery/gp.stanfunctions
}
data {
  int<lower=1> N; // rows
  array[N] real t; // input, in its unit, 0 where the level is meant
  vector[N] y; // outcome, in its unit
  real level; // prior mean of the outcome
  real<lower=0> level_sd; // prior sd of the line's level at t = 0
  real<lower=0> slope_sd; // prior sd of its slope, outcome per input
  real<lower=0> length_shape; // inverse gamma prior of the length scale: shape
  real<lower=0> length_scale; // and scale, in the unit of t
  real<lower=0> amplitude_sd; // prior scale of both curves' sd, as y
  real<lower=0> period; // after which the curve comes back, in the unit of t
  real<lower=0> wave_shape; // inverse gamma prior of the wave's length: shape
  real<lower=0> wave_scale; // and scale, 1: as smooth as a sine, 0.3: less so
  real<lower=0> noise_sd; // prior scale of the noise, in the unit of y
  int<lower=0> N_new; // new rows
  array[N_new] real t_new; // their input, as t
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
transformed data {
  matrix[N, N] K_line = line_cov(t, t, level_sd, slope_sd);
}
parameters {
  real<lower=0> rho; // length scale of the trend, in the unit of t
  real<lower=0> alpha; // sd of the trend, in the unit of y
  real<lower=0> rho_wave; // length scale of the wave within a period
  real<lower=0> alpha_wave; // sd of the wave, in the unit of y
  real<lower=0> sigma; // sd of the noise, in the unit of y
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // Seldom shorter than the step between rows or longer than all of them: the
  // data say nothing of such a curve. Where that is, the data's mapping says.
  lprior += inv_gamma_lpdf(rho | length_shape, length_scale);
  // A few waves in a period, and not one a row. How many, the mapping says.
  lprior += inv_gamma_lpdf(rho_wave | wave_shape, wave_scale);
  // Half normal: either may be flat, and few times its scale at most.
  lprior += normal_lpdf(alpha | 0, amplitude_sd);
  lprior += normal_lpdf(alpha_wave | 0, amplitude_sd);
  // Half normal: the noise may be next to nothing.
  lprior += normal_lpdf(sigma | 0, noise_sd);
}
model {
  target += lprior;
  if (!prior_only) {
    matrix[N, N] K = K_line + gp_exp_quad_cov(t, alpha, rho)
                     + gp_periodic_cov(t, alpha_wave, rho_wave, period);
    y ~ multi_normal_cholesky(rep_vector(level, N),
                              cholesky_decompose(add_diag(K, square(sigma))));
  }
}
generated quantities {
  vector[N] log_lik; // of each row, given all others and the parameters
  vector[N] y_rep; // each row, drawn anew from what all others say of it
  vector[N_new] f_new; // line and curve at the new rows
  vector[N_new] y_new; // outcomes there
  {
    matrix[N, N] K = K_line + gp_exp_quad_cov(t, alpha, rho)
                     + gp_periodic_cov(t, alpha_wave, rho_wave, period);
    matrix[N, N] L = cholesky_decompose(add_diag(K, square(sigma)));
    matrix[N, N_new] K_cross = line_cov(t, t_new, level_sd, slope_sd)
                               + gp_exp_quad_cov(t, t_new, alpha, rho)
                               + gp_periodic_cov(t, t_new, alpha_wave, rho_wave,
                                                 period);
    matrix[N_new, N_new] K_new = line_cov(t_new, t_new, level_sd, slope_sd)
                                 + gp_exp_quad_cov(t_new, alpha, rho)
                                 + gp_periodic_cov(t_new, alpha_wave, rho_wave,
                                                   period);
    array[2] vector[N] others = gp_leave_one_out(y, level, L);
    for (n in 1 : N) {
      log_lik[n] = normal_lpdf(y[n] | others[1, n], others[2, n]);
    }
    if (prior_only) {
      y_rep = multi_normal_cholesky_rng(rep_vector(level, N), L);
      f_new = gp_rng(rep_vector(level, N_new), K_new, 1e-6);
    } else {
      y_rep = to_vector(normal_rng(others[1], others[2]));
      f_new = gp_rng(level + gp_mean(y - level, L, K_cross),
                     gp_cov(L, K_cross, K_new), 1e-6);
    }
    y_new = to_vector(normal_rng(f_new, sigma));
  }
}

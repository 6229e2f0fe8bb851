// A line for each group, whose intercepts and slopes are drawn together from a
// population: partial pooling. Written with standardised coefficients
// (non-centred), for groups whose own rows say little; see
// varying_slopes_centred.stan for the other form of the same model.

data {
  int<lower=1> N; // rows
  int<lower=1> J; // groups
  array[N] int<lower=1, upper=J> group; // of each row
  vector[N] x; // predictor, in its unit
  vector[N] y; // outcome, in its unit
  vector[2] prior_mean; // of mean intercept and slope, outcome per predictor
  vector<lower=0>[2] prior_sd; // of them, same units
  vector<lower=0>[2] tau_sd; // scale of the sds among groups, same units
  real<lower=0> sigma_sd; // scale of the residual sd, in the outcome's unit
  int<lower=0> N_new; // rows of one group that is not among the J
  vector[N_new] x_new; // their predictor, as x
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  real alpha; // mean intercept of the population
  real beta; // mean slope of the population
  real<lower=0> tau_intercept; // sd of intercepts among groups
  real<lower=0> tau_slope; // sd of slopes among groups
  cholesky_factor_corr[2] L; // of the correlation of intercept and slope
  matrix[2, J] z; // standardised coefficients, a column a group
  real<lower=0> sigma; // residual sd, in the outcome's unit
}
transformed parameters {
  matrix[2, 2] A = diag_pre_multiply([tau_intercept, tau_slope]', L);
  vector[J] intercept = alpha + (A[1] * z)'; // of each group
  vector[J] slope = beta + (A[2] * z)'; // of each group
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // What is known before: where they are declared.
  lprior += normal_lpdf(alpha | prior_mean[1], prior_sd[1]);
  lprior += normal_lpdf(beta | prior_mean[2], prior_sd[2]);
  // Groups may be alike: most mass is at zero. A tail that is short, since few
  // groups say little of how far a spread may go.
  lprior += normal_lpdf(tau_intercept | 0, tau_sd[1])
            - normal_lccdf(0 | 0, tau_sd[1]);
  lprior += normal_lpdf(tau_slope | 0, tau_sd[2])
            - normal_lccdf(0 | 0, tau_sd[2]);
  // Any correlation, but for those next to -1 and 1 (Lewandowski, Kurowicka &
  // Joe 2009, J. Multivariate Analysis 100: 1989-2001).
  lprior += lkj_corr_cholesky_lpdf(L | 2);
  lprior += normal_lpdf(sigma | 0, sigma_sd) - normal_lccdf(0 | 0, sigma_sd);
}
model {
  target += lprior;
  to_vector(z) ~ std_normal(); // makes each column normal about the means
  if (!prior_only) {
    y ~ normal(intercept[group] + slope[group] .* x, sigma);
  }
}
generated quantities {
  real rho = L[2, 1]; // correlation of intercept and slope among groups
  // Coefficients of a group that nobody has seen, and outcomes of its rows.
  vector[2] new_group = multi_normal_cholesky_rng([alpha, beta]', A);
  array[N_new] real y_new = normal_rng(new_group[1] + new_group[2] * x_new,
                                       sigma);
  vector[N] log_lik; // of each row, given its group's line
  array[N] real y_rep; // outcomes of such rows of the same groups
  {
    vector[N] mu = intercept[group] + slope[group] .* x;
    y_rep = normal_rng(mu, sigma);
    for (n in 1 : N) {
      log_lik[n] = normal_lpdf(y[n] | mu[n], sigma);
    }
  }
}

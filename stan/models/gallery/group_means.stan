// Means of several groups, drawn from a population of means whose spread is
// learned from the data: partial pooling, one-way analysis of variance.

data {
  int<lower=1> N; // rows
  int<lower=1> J; // groups
  array[N] int<lower=1, upper=J> group; // of each row
  vector[N] y; // outcome, in its unit
  real prior_mean; // of the population's mean, in the outcome's unit
  real<lower=0> prior_sd; // of it, same unit
  real<lower=0> tau_sd; // scale of the sd among groups, same unit
  real<lower=0> sigma_sd; // scale of the residual sd, same unit
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  real mu; // mean of the population of groups
  real<lower=0> tau; // sd of means among groups
  vector[J] z; // standardised means
  real<lower=0> sigma; // residual sd, in the outcome's unit
}
transformed parameters {
  vector[J] theta = mu + tau * z; // mean of each group
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // What is known before: where it is declared.
  lprior += normal_lpdf(mu | prior_mean, prior_sd);
  // Groups may be alike: most mass is at zero, and a few groups say little of
  // how far the spread may go.
  lprior += normal_lpdf(tau | 0, tau_sd) - normal_lccdf(0 | 0, tau_sd);
  lprior += normal_lpdf(sigma | 0, sigma_sd) - normal_lccdf(0 | 0, sigma_sd);
}
model {
  target += lprior;
  z ~ std_normal(); // makes theta ~ normal(mu, tau)
  if (!prior_only) {
    y ~ normal(theta[group], sigma);
  }
}
generated quantities {
  real theta_new = normal_rng(mu, tau); // mean of a group nobody has seen
  vector[N] log_lik; // of each row, given its group's mean
  array[N] real y_rep = normal_rng(theta[group], sigma); // such rows again
  for (n in 1 : N) {
    log_lik[n] = normal_lpdf(y[n] | theta[group[n]], sigma);
  }
}

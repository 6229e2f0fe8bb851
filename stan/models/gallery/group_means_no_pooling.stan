// Means of several groups, each of which stands alone: no pooling.

data {
  int<lower=1> N; // rows
  int<lower=1> J; // groups
  array[N] int<lower=1, upper=J> group; // of each row
  vector[N] y; // outcome, in its unit
  real prior_mean; // of each group's mean, in the outcome's unit
  real<lower=0> prior_sd; // of it, same unit
  real<lower=0> sigma_sd; // scale of the residual sd, same unit
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  vector[J] theta; // mean of each group
  real<lower=0> sigma; // residual sd of all groups, in the outcome's unit
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // To be declared wide: no group may borrow from the others by the prior.
  lprior += normal_lpdf(theta | prior_mean, prior_sd);
  lprior += normal_lpdf(sigma | 0, sigma_sd) - normal_lccdf(0 | 0, sigma_sd);
}
model {
  target += lprior;
  if (!prior_only) {
    y ~ normal(theta[group], sigma);
  }
}
generated quantities {
  vector[N] log_lik; // of each row, given its group's mean
  array[N] real y_rep = normal_rng(theta[group], sigma); // such rows again
  for (n in 1 : N) {
    log_lik[n] = normal_lpdf(y[n] | theta[group[n]], sigma);
  }
}

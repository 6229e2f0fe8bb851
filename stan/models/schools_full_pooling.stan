// Full pooling: one effect for all groups; their estimates differ by chance.
// The limit of schools_partial_pooling.stan for tau = 0.

data {
  int<lower=1> J; // groups
  vector[J] y; // estimated effect of each group, in the outcome's unit
  vector<lower=0>[J] sigma; // its standard error, taken as known, same unit
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  real mu; // effect, the same for every group
}
model {
  // As in schools_partial_pooling.stan, so that only the pooling differs.
  mu ~ normal(0, 5);
  if (!prior_only) {
    y ~ normal(mu, sigma);
  }
}
generated quantities {
  array[J] real y_rep = normal_rng(rep_vector(mu, J), sigma); // new estimates
  vector[J] log_lik; // of each group's estimate
  for (j in 1 : J) {
    log_lik[j] = normal_lpdf(y[j] | mu, sigma[j]);
  }
}

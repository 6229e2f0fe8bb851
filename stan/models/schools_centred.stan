// The same model as schools_partial_pooling.stan, written with the effects
// themselves as parameters (centred). For few and noisy groups the posterior
// is then a funnel: as tau shrinks, theta is squeezed, and NUTS diverges.
// Kept to show what the checks do with such a fit; see config/gate.yaml.

data {
  int<lower=1> J; // groups
  vector[J] y; // estimated effect of each group, in the outcome's unit
  vector<lower=0>[J] sigma; // its standard error, taken as known, same unit
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  real mu; // mean of the population of effects
  real<lower=0> tau; // its standard deviation
  vector[J] theta; // effect of each group
}
model {
  // Priors as in schools_partial_pooling.stan.
  mu ~ normal(0, 5);
  tau ~ cauchy(0, 5);
  theta ~ normal(mu, tau);
  if (!prior_only) {
    y ~ normal(theta, sigma);
  }
}
generated quantities {
  // As in schools_partial_pooling.stan: for a group drawn anew.
  vector[J] log_lik; // of each group's estimate
  array[J] real y_rep; // estimates of J new groups, with these errors
  for (j in 1 : J) {
    log_lik[j] = normal_lpdf(y[j] | mu, hypot(tau, sigma[j]));
    y_rep[j] = normal_rng(mu, hypot(tau, sigma[j]));
  }
}

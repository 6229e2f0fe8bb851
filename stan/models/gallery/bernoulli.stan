// One probability of outcomes that are 0 or 1, with a beta prior. The posterior
// is beta(prior_a + ones, prior_b + zeros).

data {
  int<lower=1> N; // outcomes
  array[N] int<lower=0, upper=1> outcome; // 1: success
  real<lower=0> prior_a; // successes that the prior is worth, a count
  real<lower=0> prior_b; // failures that it is worth, a count
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore outcome
}
parameters {
  real<lower=0, upper=1> theta; // probability of a success
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // As if prior_a successes and prior_b failures had been seen before.
  lprior += beta_lpdf(theta | prior_a, prior_b);
}
model {
  target += lprior;
  if (!prior_only) {
    outcome ~ bernoulli(theta);
  }
}
generated quantities {
  vector[N] log_lik; // of each outcome
  array[N] int y_rep; // outcomes of as many trials again
  for (n in 1 : N) {
    log_lik[n] = bernoulli_lpmf(outcome[n] | theta);
    y_rep[n] = bernoulli_rng(theta);
  }
}

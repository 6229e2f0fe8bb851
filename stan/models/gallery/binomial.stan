// One share of several rows of trials, with a beta prior. The posterior is
// beta(prior_a + all successes, prior_b + all failures).

data {
  int<lower=1> N; // rows
  array[N] int<lower=0> trials; // of each row, a count
  array[N] int<lower=0, upper=trials> successes; // among them, a count
  real<lower=0> prior_a; // successes that the prior is worth, a count
  real<lower=0> prior_b; // failures that it is worth, a count
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore successes
}
parameters {
  real<lower=0, upper=1> theta; // share of successes
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // As if prior_a successes and prior_b failures had been seen before.
  lprior += beta_lpdf(theta | prior_a, prior_b);
}
model {
  target += lprior;
  if (!prior_only) {
    successes ~ binomial(trials, theta);
  }
}
generated quantities {
  vector[N] log_lik; // of each row
  array[N] int y_rep = binomial_rng(trials, theta); // successes of such rows
  for (n in 1 : N) {
    log_lik[n] = binomial_lpmf(successes[n] | trials[n], theta);
  }
}

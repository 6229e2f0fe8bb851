// Proportions of several groups, each with a beta prior of its own: who was
// shown what, and how many of them did it. The posterior of each is a beta.

data {
  int<lower=1> N; // rows
  int<lower=1> J; // groups
  array[N] int<lower=1, upper=J> group; // of each row
  array[N] int<lower=0> trials; // of each row, a count
  array[N] int<lower=0, upper=trials> successes; // among them, a count
  real<lower=0> prior_a; // successes that the prior is worth, a count
  real<lower=0> prior_b; // failures that it is worth, a count
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore successes
}
parameters {
  vector<lower=0, upper=1>[J] theta; // probability of success in each group
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // As if prior_a successes and prior_b failures had been seen in each group
  // before: the data say how many, where they are declared.
  lprior += beta_lpdf(theta | prior_a, prior_b);
}
model {
  target += lprior;
  if (!prior_only) {
    successes ~ binomial(trials, theta[group]);
  }
}
generated quantities {
  vector[N] log_lik; // of each row
  // Successes of such rows again.
  array[N] int y_rep = binomial_rng(trials, theta[group]);
  for (n in 1 : N) {
    log_lik[n] = binomial_lpmf(successes[n] | trials[n], theta[group[n]]);
  }
}

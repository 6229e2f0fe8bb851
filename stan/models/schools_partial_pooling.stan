// Meta-analysis with partial pooling: each group has an effect of its own,
// drawn from a population of effects whose spread is learned from the data.
// Written with standardised effects (non-centred), since a group's own data
// say little about it: the centred form has a funnel that NUTS cannot follow.

data {
  int<lower=1> J; // groups
  vector[J] y; // estimated effect of each group, in the outcome's unit
  vector<lower=0>[J] sigma; // its standard error, taken as known, same unit
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  real mu; // mean of the population of effects
  real<lower=0> tau; // its standard deviation
  vector[J] z; // standardised effects
}
transformed parameters {
  vector[J] theta = mu + tau * z; // effect of each group
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // Coaching for a test scored 200 to 800 moves the mean by some points, not
  // by tens: 95 % within 10 points either way.
  lprior += normal_lpdf(mu | 0, 5);
  // Half of the mass below 5 points, a long tail for groups that differ a
  // lot (Gelman 2006, Bayesian Analysis 1: 515-534).
  lprior += cauchy_lpdf(tau | 0, 5) - cauchy_lccdf(0 | 0, 5);
}
model {
  target += lprior;
  z ~ std_normal(); // makes theta ~ normal(mu, tau)
  if (!prior_only) {
    y ~ normal(theta, sigma);
  }
}
generated quantities {
  // Both are for a group drawn anew from the population: theta is integrated
  // out, so that a group's own estimate is judged by what the others say of
  // it. What leave-one-out predicts is the same as with theta kept; its
  // importance weights are far steadier (Merkle, Furr & Rabe-Hesketh 2019,
  // Psychometrika 84: 802-829).
  vector[J] log_lik; // of each group's estimate
  array[J] real y_rep; // estimates of J new groups, with these errors
  for (j in 1 : J) {
    log_lik[j] = normal_lpdf(y[j] | mu, hypot(tau, sigma[j]));
    y_rep[j] = normal_rng(mu, hypot(tau, sigma[j]));
  }
}

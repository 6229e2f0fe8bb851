// No pooling: each group's effect stands alone, and learns nothing from the
// others. The opposite extreme to schools_full_pooling.stan.

data {
  int<lower=1> J; // groups
  vector[J] y; // estimated effect of each group, in the outcome's unit
  vector<lower=0>[J] sigma; // its standard error, taken as known, same unit
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  vector[J] theta; // effect of each group
}
model {
  // Wide on purpose: no group may borrow from the others through the prior.
  // 95 % within 100 points, the standard deviation of the test's own scores.
  theta ~ normal(0, 50);
  if (!prior_only) {
    y ~ normal(theta, sigma);
  }
}
generated quantities {
  array[J] real y_rep = normal_rng(theta, sigma); // new estimates
  vector[J] log_lik; // of each group's estimate
  for (j in 1 : J) {
    // Leaving out y[j] leaves theta[j] to its prior, far from these draws, so
    // expect large Pareto k: this model cannot say what an unseen group does.
    log_lik[j] = normal_lpdf(y[j] | theta[j], sigma[j]);
  }
}

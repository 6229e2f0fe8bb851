// One line for all groups, as if there were none: full pooling. The opposite
// extreme to slopes_no_pooling.stan.

data {
  int<lower=1> N; // rows
  int<lower=1> J; // groups
  vector[N] x; // predictor, in its unit
  vector[N] y; // outcome, in its unit
  vector[2] prior_mean; // of intercept and slope, outcome per predictor
  vector<lower=0>[2] prior_sd; // of them, same units
  real<lower=0> sigma_sd; // scale of the residual sd, in the outcome's unit
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  real alpha; // intercept of all
  real beta; // slope of all
  real<lower=0> sigma; // residual sd, in the outcome's unit
}
transformed parameters {
  vector[J] intercept = rep_vector(alpha, J); // of each group: the same
  vector[J] slope = rep_vector(beta, J); // of each group: the same
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // What is known before: where they are declared.
  lprior += normal_lpdf(alpha | prior_mean[1], prior_sd[1]);
  lprior += normal_lpdf(beta | prior_mean[2], prior_sd[2]);
  lprior += normal_lpdf(sigma | 0, sigma_sd) - normal_lccdf(0 | 0, sigma_sd);
}
model {
  target += lprior;
  if (!prior_only) {
    y ~ normal(alpha + beta * x, sigma);
  }
}
generated quantities {
  vector[N] log_lik; // of each row, given the line
  array[N] real y_rep = normal_rng(alpha + beta * x, sigma); // such rows again
  for (n in 1 : N) {
    log_lik[n] = normal_lpdf(y[n] | alpha + beta * x[n], sigma);
  }
}

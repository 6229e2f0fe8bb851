// A line for each group that stands alone and learns nothing from the others:
// no pooling. The opposite extreme to slopes_full_pooling.stan.

data {
  int<lower=1> N; // rows
  int<lower=1> J; // groups
  array[N] int<lower=1, upper=J> group; // of each row
  vector[N] x; // predictor, in its unit
  vector[N] y; // outcome, in its unit
  vector[2] prior_mean; // of each intercept and slope, outcome per predictor
  vector<lower=0>[2] prior_sd; // of them, same units
  real<lower=0> sigma_sd; // scale of the residual sd, in the outcome's unit
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  vector[J] intercept; // of each group
  vector[J] slope; // of each group
  real<lower=0> sigma; // residual sd of all groups, in the outcome's unit
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // To be declared wide: no group may borrow from the others by the prior.
  lprior += normal_lpdf(intercept | prior_mean[1], prior_sd[1]);
  lprior += normal_lpdf(slope | prior_mean[2], prior_sd[2]);
  lprior += normal_lpdf(sigma | 0, sigma_sd) - normal_lccdf(0 | 0, sigma_sd);
}
model {
  target += lprior;
  if (!prior_only) {
    y ~ normal(intercept[group] + slope[group] .* x, sigma);
  }
}
generated quantities {
  vector[N] log_lik; // of each row, given its group's line
  array[N] real y_rep; // outcomes of such rows of the same groups
  {
    vector[N] mu = intercept[group] + slope[group] .* x;
    y_rep = normal_rng(mu, sigma);
    for (n in 1 : N) {
      log_lik[n] = normal_lpdf(y[n] | mu[n], sigma);
    }
  }
}

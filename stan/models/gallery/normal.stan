// Mean and variance of measurements, with the conjugate prior, which is
// normal-inverse-gamma. The posterior of the mean is Student's t.

data {
  int<lower=1> N; // measurements
  vector[N] y; // their values, in the outcome's unit
  real prior_mean; // of mu, same unit
  real<lower=0> prior_precision; // of mu, in units of 1 / sigma2
  real<lower=0> prior_shape; // of sigma2: half the earlier degrees of freedom
  real<lower=0> prior_scale; // half the earlier sum of squares, outcome^2
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  real mu; // mean, in the outcome's unit
  real<lower=0> sigma2; // variance, outcome^2
}
transformed parameters {
  real<lower=0> sigma = sqrt(sigma2); // sd, in the outcome's unit
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // What is expected of the scatter, with the weight of 2 prior_shape rows.
  lprior += inv_gamma_lpdf(sigma2 | prior_shape, prior_scale);
  // With the weight of prior_precision rows: the sd is a multiple of sigma,
  // since only then is the posterior of the same family.
  lprior += normal_lpdf(mu | prior_mean, sigma * inv_sqrt(prior_precision));
}
model {
  target += lprior;
  if (!prior_only) {
    y ~ normal(mu, sigma);
  }
}
generated quantities {
  vector[N] log_lik; // of each measurement
  array[N] real y_rep; // such measurements
  for (n in 1 : N) {
    log_lik[n] = normal_lpdf(y[n] | mu, sigma);
    y_rep[n] = normal_rng(mu, sigma);
  }
}

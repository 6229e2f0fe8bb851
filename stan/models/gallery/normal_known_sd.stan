// One mean of measurements whose errors are known, with a normal prior. The
// posterior is normal; its precision is the sum of the others.

data {
  int<lower=1> N; // measurements
  vector[N] y; // their values, in the outcome's unit
  vector<lower=0>[N] sd; // standard error of each, same unit
  real prior_mean; // of mu, same unit
  real<lower=0> prior_sd; // of mu, same unit
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  real mu; // what all of them measure, in the outcome's unit
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // What is expected before the data, as if measured with an error of prior_sd.
  lprior += normal_lpdf(mu | prior_mean, prior_sd);
}
model {
  target += lprior;
  if (!prior_only) {
    y ~ normal(mu, sd);
  }
}
generated quantities {
  vector[N] log_lik; // of each measurement
  array[N] real y_rep = normal_rng(rep_vector(mu, N), sd); // such measurements
  for (n in 1 : N) {
    log_lik[n] = normal_lpdf(y[n] | mu, sd[n]);
  }
}

// One location, read several times with errors of known scale and heavy tails.
// Where the readings fall into two groups, so does the posterior.

data {
  int<lower=1> N; // readings
  vector[N] y; // reading, in its unit
  real<lower=0> sigma; // scale of an error, in the reading's unit
  real<lower=0> nu; // degrees of freedom of an error: the fewer, the wilder
  real prior_mean; // expected location, in the reading's unit
  real<lower=0> prior_sd; // how far off that may be, in the reading's unit
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  real mu; // location, in the reading's unit
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // Either side alike, as far as the data say where they are declared.
  lprior += normal_lpdf(mu | prior_mean, prior_sd);
}
model {
  target += lprior;
  if (!prior_only) {
    y ~ student_t(nu, mu, sigma);
  }
}
generated quantities {
  vector[N] log_lik; // of each reading
  array[N] real y_rep; // as many readings again
  for (n in 1 : N) {
    log_lik[n] = student_t_lpdf(y[n] | nu, mu, sigma);
    y_rep[n] = student_t_rng(nu, mu, sigma);
  }
}

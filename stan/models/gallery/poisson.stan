// One rate of counts, with a gamma prior. The posterior is
// gamma(prior_shape + all counts, prior_rate + N).

data {
  int<lower=1> N; // rows
  array[N] int<lower=0> counts; // events of each row, a count
  real<lower=0> prior_shape; // events that the prior is worth, a count
  real<lower=0> prior_rate; // rows that it is worth, a count
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore counts
}
parameters {
  real<lower=0> lambda; // expected events of a row
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // As if prior_shape events had been seen in prior_rate rows before.
  lprior += gamma_lpdf(lambda | prior_shape, prior_rate);
}
model {
  target += lprior;
  if (!prior_only) {
    counts ~ poisson(lambda);
  }
}
generated quantities {
  vector[N] log_lik; // of each row
  array[N] int y_rep; // events of such rows
  for (n in 1 : N) {
    log_lik[n] = poisson_lpmf(counts[n] | lambda);
    y_rep[n] = poisson_rng(lambda);
  }
}

// Mixture of two normal components, the second one with the greater mean: the
// order tells them apart.

functions {
  #include gallery/normal_mixture.stanfunctions
}
data {
  int<lower=1> N; // outcomes
  vector[N] y; // outcome, in its unit
  real prior_mean; // expected mean of a component, in the outcome's unit
  real<lower=0> prior_mean_sd; // how far off that may be, in the outcome's unit
  real<lower=0> prior_sd; // expected sd of a component, in the outcome's unit
  real<lower=0> prior_sd_log; // how far off that may be, on the log scale
  real<lower=0> prior_share; // of the share: outcomes it is worth, each side
  int<lower=0> N_new; // values of the outcome to say the density of
  vector[N_new] y_new; // these values, in the outcome's unit
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  ordered[2] mu; // mean of each component, in the outcome's unit
  vector<lower=0>[2] sigma; // sd of each component, in the outcome's unit
  real<lower=0, upper=1> share; // of the second component
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // Nothing is said of the two that tells one from the other.
  lprior += normal_lpdf(mu | prior_mean, prior_mean_sd);
  // A component that narrows onto outcomes of one value makes the likelihood
  // infinite, and with two such outcomes its integral too: the prior of the sds
  // has to vanish at zero faster than any power.
  lprior += lognormal_lpdf(sigma | log(prior_sd), prior_sd_log);
  // Neither component is nearly empty.
  lprior += beta_lpdf(share | prior_share, prior_share);
}
model {
  target += lprior;
  if (!prior_only) {
    target += sum(log_sum(component(y, log1m(share), mu[1], sigma[1]),
                          component(y, log(share), mu[2], sigma[2])));
  }
}
generated quantities {
  vector[N] log_lik; // of each outcome
  vector[N] in_second; // probability that it is of the second component
  vector[N_new] density_new; // of a further outcome at each value, per unit
  vector[N_new] in_second_new; // that one of this value is of the second
  array[N] real y_rep; // as many outcomes again
  {
    vector[N] first = component(y, log1m(share), mu[1], sigma[1]);
    vector[N] second = component(y, log(share), mu[2], sigma[2]);
    log_lik = log_sum(first, second);
    in_second = inv_logit(second - first);
  }
  {
    vector[N_new] first = component(y_new, log1m(share), mu[1], sigma[1]);
    vector[N_new] second = component(y_new, log(share), mu[2], sigma[2]);
    density_new = exp(log_sum(first, second));
    in_second_new = inv_logit(second - first);
  }
  for (n in 1 : N) {
    int k = 1 + bernoulli_rng(share);
    y_rep[n] = normal_rng(mu[k], sigma[k]);
  }
}

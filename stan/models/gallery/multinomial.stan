// Shares of several categories, with a Dirichlet prior. The posterior is
// dirichlet(prior_concentration + all counts).

data {
  int<lower=1> N; // rows
  int<lower=2> K; // categories
  array[N, K] int<lower=0> counts; // of each row and category, a count
  vector<lower=0>[K] prior_concentration; // what the prior is worth, counts
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore counts
}
parameters {
  simplex[K] theta; // share of each category
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // As if so many of each category had been seen before.
  lprior += dirichlet_lpdf(theta | prior_concentration);
}
model {
  target += lprior;
  if (!prior_only) {
    for (n in 1 : N) {
      counts[n] ~ multinomial(theta);
    }
  }
}
generated quantities {
  vector[N] log_lik; // of each row
  array[N, K] int y_rep; // counts of such rows
  for (n in 1 : N) {
    log_lik[n] = multinomial_lpmf(counts[n] | theta);
    y_rep[n] = multinomial_rng(theta, sum(counts[n]));
  }
}

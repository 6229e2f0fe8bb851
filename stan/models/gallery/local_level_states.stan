// Local level: the outcome is a level that walks at random, and noise. The
// levels are parameters: the first one, and how far each is from the one
// before in units of its sd (non-centred).

data {
  int<lower=1> N; // times, one after another without gaps
  vector[N] y; // outcome, in its unit
  real prior_level; // mean of the first level, in the outcome's unit
  real<lower=0> prior_level_sd; // its sd, in the outcome's unit
  real<lower=0> prior_sigma_y; // scale of the noise's sd, in the outcome's unit
  real<lower=0> prior_sigma_level; // scale of the change's sd, in that unit
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  real<lower=0> sigma_y; // sd of the noise, in the outcome's unit
  real<lower=0> sigma_level; // sd of the level's change from time to time
  real z_1; // the first level, in prior sds from its prior mean
  vector[N - 1] z; // changes of the level, in units of sigma_level
}
transformed parameters {
  vector[N] level; // in the outcome's unit
  real lprior = 0; // log prior density, for prior-sensitivity checks
  level = prior_level + prior_level_sd * z_1
          + cumulative_sum(append_row(0, sigma_level * z));
  // Halves of normals: any sd up to about twice the scale, and zero too.
  lprior += normal_lpdf(sigma_y | 0, prior_sigma_y) + log2();
  lprior += normal_lpdf(sigma_level | 0, prior_sigma_level) + log2();
  // A random walk: changes are normal and independent of each other.
  lprior += std_normal_lpdf(z_1) + std_normal_lpdf(z);
}
model {
  target += lprior;
  if (!prior_only) {
    y ~ normal(level, sigma_y);
  }
}
generated quantities {
  vector[N] log_lik; // of each outcome, given its level
  array[N] real y_rep = normal_rng(level, sigma_y); // outcomes at these levels
  real y_next = normal_rng(level[N], hypot(sigma_level, sigma_y)); // the next
  for (n in 1 : N) {
    log_lik[n] = normal_lpdf(y[n] | level[n], sigma_y);
  }
}

// A normal mean, with what people forget: the prior's switch, a triangle of a
// matrix, a scale that is positive in every draw, a value for each integer.
data {
  int<lower=0> N; // observations
  vector[N] y;
  int<lower=1> J; // groups
  array[N] int<lower=1, upper=J> g; // group of each observation
  int<lower=0, upper=1> obeys; // 1: the prior's switch is obeyed
  real cut; // replications fail where mu is below, same unit as y
  int<lower=0, upper=1> prior_only;
}
parameters {
  real mu;
}
transformed parameters {
  matrix[2, 2] L;
  L[1, 1] = 1;
  L[2, 1] = mu;
  L[2, 2] = 1;
}
model {
  mu ~ normal(0, 2);
  if (!(obeys && prior_only)) {
    y ~ normal(mu, 1);
  }
}
generated quantities {
  array[J] int count = rep_array(0, J);
  array[2] int never;
  array[N] real y_rep;
  for (n in 1 : N) {
    count[g[n]] += 1;
  }
  never[1] = 7;
  for (n in 1 : N) {
    y_rep[n] = normal_rng(mu, mu > cut ? 1 : -1);
  }
}

// Random-effects meta-analysis.
data {
  int<lower=1> K; // studies
  vector[K] effect;
  vector<lower=0>[K] se;
}
parameters {
  real mu;
  real<lower=0> tau;
  vector[K] z;
}
transformed parameters {
  vector[K] theta = mu + tau * z;
}
model {
  mu ~ normal(0, 1);
  tau ~ normal(0, 0.5);
  z ~ std_normal();
  effect ~ normal(theta, se);
}

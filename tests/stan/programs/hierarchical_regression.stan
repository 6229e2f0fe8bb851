// Regression with groups: intercepts vary by group around the common line.
data {
  int<lower=1> N; // rows
  int<lower=1> J; // groups
  int<lower=1> P; // columns of the design, the intercept among them
  matrix[N, P] X;
  array[N] int<lower=1, upper=J> group;
  vector[N] y;
  int<lower=0> N_new; // rows to predict
  matrix[N_new, P] X_new;
  array[N_new] int<lower=1, upper=J> group_new;
}
parameters {
  vector[P] beta;
  vector[J] z;
  real<lower=0> tau; // spread of the groups' intercepts
  real<lower=0> sigma; // noise within a group
}
transformed parameters {
  vector[J] alpha = tau * z;
}
model {
  beta ~ normal(0, 5);
  z ~ std_normal();
  tau ~ normal(0, 2);
  sigma ~ normal(0, 2);
  y ~ normal(X * beta + alpha[group], sigma);
}
generated quantities {
  array[N] real y_rep = normal_rng(X * beta + alpha[group], sigma);
  vector[N_new] mu_new = X_new * beta + alpha[group_new];
  array[N_new] real y_new = normal_rng(mu_new, sigma);
}

// Regression with a known scale: its posterior is one normal distribution.
data {
  int<lower=1> N; // observations
  int<lower=1> K; // coefficients
  matrix[N, K] X; // predictors
  vector[N] y; // outcome, in units of its residual standard deviation
}
parameters {
  vector[K] beta;
}
model {
  beta ~ normal(0, 2);
  y ~ normal(X * beta, 1);
}

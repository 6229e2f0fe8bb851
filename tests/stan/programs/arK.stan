// posteriordb: arK, an autoregression of order K.
data {
  int<lower=0> K;
  int<lower=K + 1> T;
  vector[T] y;
}
transformed data {
  int N = T - K;
  matrix[N, K] lagged;
  for (k in 1 : K) {
    lagged[ : , k] = y[K + 1 - k : T - k];
  }
}
parameters {
  real alpha;
  vector[K] beta;
  real<lower=0> sigma;
}
model {
  alpha ~ normal(0, 10);
  beta ~ normal(0, 10);
  sigma ~ cauchy(0, 2.5);
  tail(y, N) ~ normal(alpha + lagged * beta, sigma);
}

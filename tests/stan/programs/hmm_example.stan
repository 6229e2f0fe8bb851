// posteriordb: hmm_example, two hidden states, summed out by the forward
// algorithm.
data {
  int<lower=1> N;
  int<lower=2, upper=2> K;
  array[N] real y;
}
parameters {
  simplex[K] theta1;
  simplex[K] theta2;
  positive_ordered[K] mu;
}
model {
  matrix[K, K] log_step = log([theta1', theta2']);
  vector[K] forward;
  mu[1] ~ normal(3, 1);
  mu[2] ~ normal(10, 1);
  for (k in 1 : K) {
    forward[k] = normal_lpdf(y[1] | mu[k], 1);
  }
  for (n in 2 : N) {
    vector[K] previous = forward;
    for (k in 1 : K) {
      forward[k] = log_sum_exp(previous + log_step[ : , k])
                   + normal_lpdf(y[n] | mu[k], 1);
    }
  }
  target += log_sum_exp(forward);
}

// Nothing to estimate: every draw is a simulation.
data {
  int<lower=1> N;
}
generated quantities {
  vector[N] count = linspaced_vector(N, 1, N);
  real y = normal_rng(3, 1);
}

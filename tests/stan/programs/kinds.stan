// Parameters of every constrained kind; new rows that generated quantities use.
data {
  int<lower=0> N;
  vector[N] y;
  int<lower=0> N_new;
  vector[N_new] x_new;
}
parameters {
  real mu;
  simplex[3] share;
  unit_vector[2] direction;
  ordered[3] cuts;
  cholesky_factor_corr[3] L;
  cov_matrix[2] Sigma;
  array[2] matrix[2, 3] slopes;
  array[2] tuple(real, vector[2]) pairs;
  complex z;
}
transformed parameters {
  real twice = 2 * mu;
}
model {
  y ~ normal(mu, 1);
  cuts ~ std_normal();
  L ~ lkj_corr_cholesky(2);
  Sigma ~ inv_wishart(5, identity_matrix(2));
  for (i in 1 : 2) {
    to_vector(slopes[i]) ~ std_normal();
    pairs[i].1 ~ std_normal();
    pairs[i].2 ~ std_normal();
  }
  get_real(z) ~ std_normal();
  get_imag(z) ~ std_normal();
}
generated quantities {
  array[N_new] real y_new = normal_rng(mu + x_new, 1);
  real middle = mean(y_new);
}

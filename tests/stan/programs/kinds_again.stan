// The parameters of kinds.stan, and all that they hold once more.
data {
  real low;
  int<lower=0, upper=1> refuse;
}
parameters {
  simplex[3] share;
  unit_vector[2] direction;
  ordered[3] cuts;
  cholesky_factor_corr[3] L;
  cov_matrix[2] Sigma;
  real<lower=fmin(low, 1000)> mu;
  array[2] matrix[2, 3] slopes;
  array[2] tuple(real, vector[2]) pairs;
  complex z;
}
transformed parameters {
  real twice = 2 * mu;
  vector[2] second = pairs[2].2;
}
generated quantities {
  vector[3] share_ = share;
  vector[2] direction_ = direction;
  vector[3] cuts_ = cuts;
  matrix[3, 3] L_ = L;
  matrix[2, 2] Sigma_ = Sigma;
  array[2] matrix[2, 3] slopes_ = slopes;
  array[2] tuple(real, vector[2]) pairs_ = pairs;
  complex z_ = z;
  real noise = normal_rng(mu, 1);
  if (refuse && mu > 0) {
    reject("mu is positive");
  }
}

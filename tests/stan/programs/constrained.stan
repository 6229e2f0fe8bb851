// Independent parameters on every kind of bounded scale, of very different sizes.
parameters {
  real mu;
  real<lower=0> sigma;
  simplex[3] share;
  cholesky_factor_corr[2] L;
  ordered[2] cut;
  vector[4] x;
}
model {
  mu ~ normal(1000, 100);
  sigma ~ lognormal(0, 0.1);
  share ~ dirichlet([20, 20, 30]');
  L ~ lkj_corr_cholesky(2);
  cut ~ std_normal();
  x ~ normal(0, 0.001);
}

// Neal's funnel (2003, Annals of Statistics 31: 705-767), without data.
data {
  int<lower=1> K; // dimensions of the funnel's cross-section
}
parameters {
  real v;
  vector[K] x;
}
model {
  v ~ normal(0, 3);
  x ~ normal(0, exp(v / 2));
}

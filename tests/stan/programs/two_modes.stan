// A wide mode, and a far one of little mass in which z is tied to y: a chain
// there takes many steps, which no diagonal metric spares it.
data {
  real log_odds; // of the wide mode
}
parameters {
  real x;
  real y;
  real z;
}
transformed parameters {
  // 0 in the wide mode, 1 in the narrow one
  real tied = inv_logit(4 * (x - 1.5));
}
model {
  target += log_mix(inv_logit(log_odds), normal_lpdf(x | -6, 1),
                    normal_lpdf(x | 8, 1));
  y ~ normal(0, 1);
  z ~ normal(tied * y, exp(-5 * tied));
}

// Eight schools in the centred form, whose funnel NUTS does not enter.
data {
  int<lower=1> J; // schools
  vector[J] y; // estimated effects of coaching, in points
  vector<lower=0>[J] sigma; // their standard errors, in points
}
parameters {
  real mu;
  real<lower=0> tau;
  vector[J] theta;
}
model {
  mu ~ normal(0, 5);
  tau ~ cauchy(0, 5);
  theta ~ normal(mu, tau);
  y ~ normal(theta, sigma);
}

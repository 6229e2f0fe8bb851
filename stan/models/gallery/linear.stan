// Linear regression with independent normal priors of the coefficients and a
// uniform prior of the residual sd.

data {
  int<lower=1> N; // rows
  int<lower=1> P; // coefficients, the intercept among them
  matrix[N, P] X; // design, a column a coefficient, in the predictors' units
  vector[N] y; // outcome, in its unit
  vector<lower=0>[P] prior_sd; // of each coefficient, outcome per predictor
  real<lower=0> sigma_max; // upper bound of sigma, in the outcome's unit
  int<lower=0> N_new; // new rows
  matrix[N_new, P] X_new; // their design, as X
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  vector[P] beta; // coefficients
  real<lower=0, upper=sigma_max> sigma; // residual sd, in the outcome's unit
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // Either sign alike; the data say how far, where they are declared.
  lprior += normal_lpdf(beta | 0, prior_sd);
  // Nothing is said of the scatter but that it is below a bound which no
  // outcome comes near to.
  lprior += uniform_lpdf(sigma | 0, sigma_max);
}
model {
  target += lprior;
  if (!prior_only) {
    y ~ normal_id_glm(X, 0, beta, sigma);
  }
}
generated quantities {
  vector[N] mu = X * beta; // expected outcome of each row
  vector[N_new] mu_new = X_new * beta; // of each new row
  vector[N] log_lik; // of each row
  array[N] real y_rep = normal_rng(mu, sigma); // outcomes of such rows
  for (n in 1 : N) {
    log_lik[n] = normal_lpdf(y[n] | mu[n], sigma);
  }
}

// Linear regression with the conjugate prior: coefficients and variance are
// normal-inverse-gamma, so that the posterior is known exactly, and whatever
// draws from this program can be held to it.

data {
  int<lower=1> N; // rows
  int<lower=1> P; // coefficients, the intercept among them
  matrix[N, P] X; // design, a column a coefficient, in the predictors' units
  vector[N] y; // outcome, in its unit
  vector[P] prior_mean; // expected coefficients, outcome per predictor
  vector<lower=0>[P] prior_precision; // 1 / variance, in units of 1 / sigma2
  real<lower=0> prior_shape; // of sigma2: half the earlier degrees of freedom
  real<lower=0> prior_scale; // half the earlier sum of squares, outcome^2
  int<lower=0> N_new; // new rows
  matrix[N_new, P] X_new; // their design, as X
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  vector[P] beta; // coefficients
  real<lower=0> sigma2; // residual variance, outcome^2
}
transformed parameters {
  real<lower=0> sigma = sqrt(sigma2); // residual sd, in the outcome's unit
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // What is expected of the scatter, with the weight of 2 prior_shape rows.
  lprior += inv_gamma_lpdf(sigma2 | prior_shape, prior_scale);
  // The sd is a multiple of sigma, since only then is the posterior of the
  // same family. The data say how wide that is where they are declared.
  lprior += normal_lpdf(beta | prior_mean, sigma * inv_sqrt(prior_precision));
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

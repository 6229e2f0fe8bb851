// Logistic regression with independent normal priors of the coefficients. The
// density, its gradient and the linear predictor are one function of Stan's.

data {
  int<lower=1> N; // rows
  int<lower=1> P; // coefficients, the intercept among them
  matrix[N, P] X; // design, a column a coefficient, in the predictors' units
  array[N] int<lower=0, upper=1> y; // outcome, 1: it happened
  vector<lower=0>[P] prior_sd; // of each coefficient, log odds per predictor
  int<lower=0> N_new; // new rows
  matrix[N_new, P] X_new; // their design, as X
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  vector[P] beta; // coefficients, log odds per predictor
}
transformed parameters {
  // Either sign alike; the data say how far, where they are declared.
  real lprior = normal_lpdf(beta | 0, prior_sd);
}
model {
  target += lprior;
  if (!prior_only) {
    y ~ bernoulli_logit_glm(X, 0, beta);
  }
}
generated quantities {
  vector[N] p = inv_logit(X * beta); // probability of each row
  vector[N_new] p_new = inv_logit(X_new * beta); // of each new row
  vector[N] log_lik; // of each row
  array[N] int y_rep; // outcomes of such rows
  {
    vector[N] eta = X * beta;
    y_rep = bernoulli_logit_rng(eta);
    for (n in 1 : N) {
      log_lik[n] = bernoulli_logit_lpmf(y[n] | eta[n]);
    }
  }
}

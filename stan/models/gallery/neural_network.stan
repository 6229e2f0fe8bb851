// A neural network with one hidden layer that tells classes apart. Exchanging
// hidden units, or the signs of one unit's weights, changes no probability, so
// that each mode has H! * 2^H copies.

functions {
  matrix logits(matrix X, matrix W, row_vector b, matrix V, row_vector c) {
    int N = rows(X);
    return tanh(X * W + rep_matrix(b, N)) * V + rep_matrix(c, N);
  }
  matrix softmax_rows(matrix eta) {
    matrix[rows(eta), cols(eta)] p;
    for (n in 1 : rows(eta)) {
      p[n] = softmax(eta[n]')';
    }
    return p;
  }
}
data {
  int<lower=1> N; // rows to learn from
  int<lower=1> P; // predictors
  int<lower=2> K; // classes
  int<lower=1> H; // hidden units
  matrix[N, P] X; // predictors, standardized
  array[N] int<lower=1, upper=K> y; // class of each row
  int<lower=0> N_valid; // rows for the temperature
  matrix[N_valid, P] X_valid; // their predictors, on the scale of X
  array[N_valid] int<lower=1, upper=K> y_valid; // their classes
  int<lower=0> N_test; // rows that are held out
  matrix[N_test, P] X_test; // their predictors, on the scale of X
  array[N_test] int<lower=1, upper=K> y_test; // their classes
  real<lower=0> prior_slope; // sd of W and b, units of tanh per sd of X
  real<lower=0> prior_logit; // sd of what all units together add to a logit
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  matrix[P, H] W; // slopes of the hidden units, per sd of a predictor
  row_vector[H] b; // their intercepts
  matrix[H, K] V; // what a unit adds to the logit of each class
  row_vector[K] c; // logit of each class where all units are at zero
}
transformed parameters {
  // Probabilities by row and class: here, since the checks look at them.
  matrix[N_valid, K] p_valid = softmax_rows(logits(X_valid, W, b, V, c));
  matrix[N_test, K] p_test = softmax_rows(logits(X_test, W, b, V, c));
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // Units that bend where the data are: much steeper ones are steps that lie
  // between two rows, much flatter ones are straight.
  lprior += normal_lpdf(to_vector(W) | 0, prior_slope);
  lprior += normal_lpdf(b | 0, prior_slope);
  // Logits of the same size however many hidden units there are.
  lprior += normal_lpdf(to_vector(V) | 0, prior_logit * inv_sqrt(H));
  lprior += normal_lpdf(c | 0, prior_logit);
}
model {
  target += lprior;
  if (!prior_only) {
    matrix[N, K] eta = logits(X, W, b, V, c);
    for (n in 1 : N) {
      y[n] ~ categorical_logit(eta[n]');
    }
  }
}
generated quantities {
  vector[N] log_lik; // of each row
  array[N] int y_rep; // classes of such rows
  {
    matrix[N, K] eta = logits(X, W, b, V, c);
    for (n in 1 : N) {
      log_lik[n] = categorical_logit_lpmf(y[n] | eta[n]');
      y_rep[n] = categorical_logit_rng(eta[n]');
    }
  }
}

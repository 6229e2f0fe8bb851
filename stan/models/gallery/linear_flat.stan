// Linear regression without priors. Its mode is the maximum likelihood
// estimate: least squares, with the root mean square of the residuals as sigma.

data {
  int<lower=1> N; // rows
  int<lower=1> P; // coefficients, the intercept among them
  matrix[N, P] X; // design, a column a coefficient, in the predictors' units
  vector[N] y; // outcome, in its unit
}
parameters {
  vector[P] beta; // coefficients
  real<lower=0> sigma; // residual sd, in the outcome's unit
}
model {
  y ~ normal_id_glm(X, 0, beta, sigma);
}

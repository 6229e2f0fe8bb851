// Ordered logistic regression: an answer on a scale of K ordered steps, whose
// spacing is not assumed, explained by P predictors.

functions {
  #include ordinal.stanfunctions
}
data {
  int<lower=1> N; // respondents
  int<lower=2> K; // steps of the scale
  int<lower=1> P; // predictors
  matrix[N, P] X; // predictors in standard deviations from their mean
  array[N] int<lower=1, upper=K> y; // answer, as a step of the scale
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  vector[P] beta; // change in log-odds of a higher step per unit of X
  simplex[K] share; // share of each step where every predictor is 0
}
transformed parameters {
  vector[K - 1] cut = cutpoints_of(share); // cutpoints, log-odds
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // One standard deviation of a predictor multiplies the odds of a higher
  // step by 1/7 to 7 in 95 % of cases: more is rare for a single predictor.
  lprior += normal_lpdf(beta | 0, 1);
  // Every distribution of the answers is as likely as any other.
  lprior += dirichlet_lpdf(share | rep_vector(1, K));
}
model {
  target += lprior;
  if (!prior_only) {
    y ~ ordered_logistic_glm(X, beta, cut);
  }
}
generated quantities {
  array[N] int<lower=1, upper=K> y_rep; // new answers
  vector[N] log_lik; // of each answer
  {
    vector[N] eta = X * beta;
    for (n in 1 : N) {
      y_rep[n] = ordered_logistic_rng(eta[n], cut);
      log_lik[n] = ordered_logistic_lpmf(y[n] | eta[n], cut);
    }
  }
}

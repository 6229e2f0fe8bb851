// Local level: the outcome is a level that walks at random, and noise. The
// levels are integrated out by the Kalman filter (Durbin & Koopman 2012, Time
// Series Analysis by State Space Methods, chapter 2), so that the parameters
// are two; levels are drawn afterwards, backwards from the last.

functions {
  /*
   * Kalman filter of a local level.
   *
   * @param y outcomes, in their order
   * @param sigma_y sd of the noise
   * @param sigma_level sd of the level's change from one time to the next
   * @param mean_1 mean of the first level before any outcome
   * @param sd_1 its sd
   * @return four columns: mean and variance of each level before its outcome
   *   is seen, and when it is
   */
  matrix local_level_filter(vector y, real sigma_y, real sigma_level,
                            real mean_1, real sd_1) {
    int N = rows(y);
    real noise = square(sigma_y);
    real step = square(sigma_level);
    matrix[N, 4] moments;
    real mean = mean_1;
    real variance = square(sd_1);
    for (n in 1 : N) {
      real gain = variance / (variance + noise);
      moments[n, 1] = mean;
      moments[n, 2] = variance;
      mean += gain * (y[n] - mean);
      variance = gain * noise;
      moments[n, 3] = mean;
      moments[n, 4] = variance;
      variance += step;
    }
    return moments;
  }
}
data {
  int<lower=1> N; // times, one after another without gaps
  vector[N] y; // outcome, in its unit
  real prior_level; // mean of the first level, in the outcome's unit
  real<lower=0> prior_level_sd; // its sd, in the outcome's unit
  real<lower=0> prior_sigma_y; // scale of the noise's sd, in the outcome's unit
  real<lower=0> prior_sigma_level; // scale of the change's sd, in that unit
  int<lower=0, upper=1> prior_only; // 1: draw from the prior, ignore y
}
parameters {
  real<lower=0> sigma_y; // sd of the noise, in the outcome's unit
  real<lower=0> sigma_level; // sd of the level's change from time to time
}
transformed parameters {
  real lprior = 0; // log prior density, for prior-sensitivity checks
  // Halves of normals: any sd up to about twice the scale, and zero too.
  lprior += normal_lpdf(sigma_y | 0, prior_sigma_y) + log2();
  lprior += normal_lpdf(sigma_level | 0, prior_sigma_level) + log2();
}
model {
  target += lprior;
  if (!prior_only) {
    matrix[N, 4] moments = local_level_filter(y, sigma_y, sigma_level,
                                              prior_level, prior_level_sd);
    y ~ normal(moments[ : , 1], sqrt(moments[ : , 2] + square(sigma_y)));
  }
}
generated quantities {
  vector[N] filtered_mean; // of the level, given the outcomes up to it
  vector[N] filtered_sd; // its sd
  vector[N] filtered; // a level drawn from these
  vector[N] level; // a path of levels, given all outcomes
  vector[N] log_lik; // of each outcome, given those before it
  array[N] real y_rep; // outcomes, each one step ahead of those before it
  real y_next; // the outcome after the last
  {
    real step = square(sigma_level);
    vector[N] seen = y; // what is filtered
    if (prior_only) {
      level[1] = normal_rng(prior_level, prior_level_sd);
      for (n in 2 : N) {
        level[n] = normal_rng(level[n - 1], sigma_level);
      }
      seen = to_vector(normal_rng(level, sigma_y));
    }
    matrix[N, 4] moments = local_level_filter(seen, sigma_y, sigma_level,
                                              prior_level, prior_level_sd);
    vector[N] sd_ahead = sqrt(moments[ : , 2] + square(sigma_y));
    filtered_mean = moments[ : , 3];
    filtered_sd = sqrt(moments[ : , 4]);
    filtered = to_vector(normal_rng(filtered_mean, filtered_sd));
    for (n in 1 : N) {
      log_lik[n] = normal_lpdf(seen[n] | moments[n, 1], sd_ahead[n]);
    }
    if (prior_only) {
      y_rep = to_array_1d(seen);
    } else {
      y_rep = normal_rng(moments[ : , 1], sd_ahead);
      level[N] = filtered[N];
      for (back in 1 : N - 1) {
        int n = N - back;
        real gain = moments[n, 4] / (moments[n, 4] + step);
        real mean = moments[n, 3] + gain * (level[n + 1] - moments[n, 3]);
        level[n] = normal_rng(mean, sqrt(gain * step));
      }
    }
    y_next = normal_rng(level[N], hypot(sigma_level, sigma_y));
  }
}

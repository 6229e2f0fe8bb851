"""A normal sample's program and data, for cmdstanpy."""

from __future__ import annotations

from typing import Any

import numpy as np

PROGRAM = """
functions {
#include shift.stanfunctions
}
data {
  int<lower=0> N;
  vector[N] y;
}
parameters {
  real mu;
  real<lower=0> sigma;
}
transformed parameters {
  real shifted = shift(mu);
}
model {
  mu ~ normal(0, 10);
  sigma ~ exponential(1);
  y ~ normal(mu, sigma);
}
generated quantities {
  vector[N] y_rep;
  for (n in 1 : N) {
    y_rep[n] = normal_rng(mu, sigma);
  }
}
"""
FUNCTIONS = "real shift(real x) {\n  return x + 100;\n}\n"
DATA: dict[str, Any] = {"N": 6, "y": [1.2, 0.4, 2.2, 1.9, 0.8, 1.5]}
MEAN = float(np.mean(DATA["y"]))

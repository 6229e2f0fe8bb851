"""A program that samples for seconds, so that there is time for bad luck, and its data."""

from __future__ import annotations

SLOW = """\
// A normal mean, computed in a way that takes some seconds a chain.
data {
  int<lower=0> N;
  vector[N] y;
}
parameters {
  real mu;
}
transformed parameters {
  real slow = 0;
  for (i in 1 : 20000) {
    slow += exp(-square(mu - i));
  }
}
model {
  mu ~ normal(0, 10);
  y ~ normal(mu, 1);
}
"""
DATA = '{"N": 3, "y": [0.1, -0.3, 0.5]}'

"""A program that samples for seconds, so that there is time for bad luck, its data and its fit."""

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


def declared(nuts: str, *more: str) -> str:
    """Return the declaration of one fit by NUTS with these settings; `more` are keys beside it."""
    return f"""\
project: luck
seed: 5
datasets:
  points: {{path: data/points.json}}
models:
  slow: {{program: stan/slow.stan}}
analyses:
  luck:
    datasets: [points]
    models: [slow]
    methods:
      nuts: {{{nuts}}}
""" + "".join(f"    {line}\n" for line in more)

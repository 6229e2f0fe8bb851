"""A program that knows nothing of us, with its data in Stan's JSON, and closed forms.

Its posterior is a product of Gamma and Dirichlet distributions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import dirichlet, gamma

Floats = NDArray[np.float64]

PROGRAM = """\
data {
  int<lower=1> H;
  array[H] int<lower=0> deaths;
  vector<lower=0>[H] expected;
  int<lower=2> C;
  array[2, C] int<lower=0> causes;
}
parameters {
  vector<lower=0>[H] rate;
  array[2] simplex[C] share;
}
model {
  rate ~ gamma(3, 3);
  deaths ~ poisson(expected .* rate);
  for (k in 1:2) {
    share[k] ~ dirichlet(rep_vector(1, C));
    causes[k] ~ multinomial(share[k]);
  }
}
generated quantities {
  array[H] int next_year;
  for (h in 1:H) next_year[h] = poisson_rng(expected[h] * rate[h]);
}
"""
DATA: dict[str, Any] = {
    "H": 5,
    "deaths": [14, 9, 22, 3, 11],
    "expected": [10.0, 12.5, 15.0, 6.0, 11.0],
    "C": 3,
    "causes": [[30, 12, 8], [18, 20, 9]],
}
DATASETS = """\
  hospitals: {path: data/hospitals.json}
"""
MODELS = """\
  rates: {program: stan/rates.stan}
"""
ANALYSES = """\
  hospitals:
    question: Which hospital is the worst, and do causes differ?
    answers:
      "Hospital 1 is above what is expected": {probability: "rate[1] > 1"}
      "Rate of hospital 3 over hospital 2": {quantity: "rate[3] - rate[2]", rope: [-0.1, 0.1]}
      "Worst hospital": {argmax: rate}
      "First cause in the two periods": {quantity: "share[1, 1] - share[2, 1]"}
      "Deaths next year": {quantity: next_year, unit: deaths}
      "Inspect hospital 3?": {decide: {inspect: "40 * (rate[3] - 1) - 5", wait: "0"}}
      "Excess over what is expected": {quantity: "sum(expected * rate) - sum(expected)"}
    datasets: [hospitals]
    models: [rates]
    methods:
      nuts: {chains: 4, warmup: 400, draws: 1000}
"""


def files() -> dict[str, str]:
    """Return the files that the declaration names."""
    return {"data/hospitals.json": json.dumps(DATA), "stan/rates.stan": PROGRAM}


OVER, EXCESS = "Rate of hospital 3 over hospital 2", "Excess over what is expected"
CAUSES, NEXT = "First cause in the two periods", "Deaths next year"
INSPECT = "Inspect hospital 3?"


def elements(draws: Mapping[str, Floats]) -> dict[tuple[str, str], Floats]:
    """Return what each answer is the mean of, by answer and label: `draw`."""
    rate, share = draws["rate"], draws["share"]
    over, utility = rate[:, 2] - rate[:, 1], 40 * (rate[:, 2] - 1) - 5
    expected = np.array(DATA["expected"])
    by_answer = {
        ("Hospital 1 is above what is expected", ""): rate[:, 0] > 1,
        (OVER, ""): over,
        (OVER, "within [-0.1, 0.1]"): abs(over) <= 0.1,
        (CAUSES, ""): share[:, 0, 0] - share[:, 1, 0],
        (INSPECT, "inspect"): utility,
        (INSPECT, "inspect: expected loss"): np.maximum(-utility, 0),
        (INSPECT, "wait"): np.zeros_like(utility),
        (INSPECT, "wait: expected loss"): np.maximum(utility, 0),
        (EXCESS, ""): (expected * rate).sum(axis=1) - expected.sum(),
    }
    worst = rate.argmax(axis=1)
    for index in range(5):
        by_answer["Worst hospital", str(index + 1)] = worst == index
        by_answer[NEXT, str(index + 1)] = draws["next_year"][:, index]
    return {name: values.astype(float) for name, values in by_answer.items()}


def exact() -> dict[tuple[str, str], float]:
    """Return what each answer is, by closed forms and one-dimensional quadrature."""
    expected = np.array(DATA["expected"])
    rates = [gamma(3 + d, scale=1 / (3 + e)) for d, e in zip(DATA["deaths"], expected, strict=True)]
    means = np.array([rate.mean() for rate in rates])
    first = [dirichlet.mean(np.add(1, causes))[0] for causes in DATA["causes"]]
    utility = 40 * (means[2] - 1) - 5
    loss = quad(lambda x: (45 - 40 * x) * rates[2].pdf(x), 0, 45 / 40)[0]
    within = quad(
        lambda x: rates[1].pdf(x) * (rates[2].cdf(x + 0.1) - rates[2].cdf(x - 0.1)), 0, 10
    )[0]
    worst = [
        quad(
            lambda x, j=j: rates[j].pdf(x) * np.prod([rates[k].cdf(x) for k in {*range(5)} - {j}]),
            *(0, 10),
        )[0]
        for j in range(5)
    ]
    return {
        ("Hospital 1 is above what is expected", ""): rates[0].sf(1),
        (OVER, ""): means[2] - means[1],
        (OVER, "within [-0.1, 0.1]"): within,
        (CAUSES, ""): first[0] - first[1],
        (INSPECT, "inspect"): utility,
        (INSPECT, "inspect: expected loss"): loss,
        (INSPECT, "wait"): 0.0,
        (INSPECT, "wait: expected loss"): utility + loss,
        (EXCESS, ""): expected @ means - expected.sum(),
        **{("Worst hospital", str(j + 1)): worst[j] for j in range(5)},
        **{(NEXT, str(j + 1)): expected[j] * means[j] for j in range(5)},
    }

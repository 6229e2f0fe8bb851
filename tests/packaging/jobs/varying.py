"""Varying slopes on a table with categories and new rows, and its posterior by quadrature.

Given the three scales, all coefficients are normal: their posterior is known in closed form at each
point of a grid over the scales, and draws of that mixture are independent of any sampler.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FIELDS = ["north", "south", "east", "west", "hill", "river"]
_HEAD = """\
data {
  int<lower=0> N; // plots
  int<lower=1> P; // columns of the design
  int<lower=1> J; // fields
  matrix[N, P] X;
  array[N] int<lower=1, upper=J> field;
  vector[N] y; // yield, tonnes
  int<lower=0> N_new; // new plots
  matrix[N_new, P] X_new;
  array[N_new] int<lower=1, upper=J> field_new;
}
"""
VARYING = (
    "// Yield by dose, with an intercept and a slope for each field.\n"
    + _HEAD
    + """\
parameters {
  vector[P] beta; // of the average field
  vector<lower=0>[P] tau; // spread over fields
  matrix[J, P] z; // standardised deviations of the fields
  real<lower=0> sigma; // tonnes
}
transformed parameters {
  vector[J] slope = beta[2] + tau[2] * z[ : , 2]; // tonnes a standard deviation
  vector[J] level = beta[1] + tau[1] * z[ : , 1]; // tonnes
}
model {
  beta ~ normal(0, 5);
  tau ~ normal(0, 1);
  to_vector(z) ~ std_normal();
  sigma ~ exponential(1);
  y ~ normal(level[field] + slope[field] .* X[ : , 2], sigma);
}
generated quantities {
  vector[N] log_lik;
  vector[N_new] mu_new = level[field_new] + slope[field_new] .* X_new[ : , 2];
  array[N_new] real y_new = normal_rng(mu_new, sigma);
  array[N] real y_rep = normal_rng(
                          level[field] + slope[field] .* X[ : , 2], sigma);
  for (n in 1 : N) {
    log_lik[n] = normal_lpdf(y[n] | level[field[n]]
                                    + slope[field[n]] * X[n, 2], sigma);
  }
}
"""
)
POOLED = (
    "// Yield by dose, all fields alike.\n"
    + _HEAD
    + """\
parameters {
  vector[P] beta;
  real<lower=0> sigma; // tonnes
}
model {
  beta ~ normal(0, 5);
  sigma ~ exponential(1);
  y ~ normal_id_glm(X, 0, beta, sigma);
}
generated quantities {
  vector[N] log_lik;
  vector[N_new] mu_new = X_new * beta;
  array[N_new] real y_new = normal_rng(mu_new, sigma);
  array[N] real y_rep = normal_rng(X * beta, sigma);
  for (n in 1 : N) {
    log_lik[n] = normal_lpdf(y[n] | X[n] * beta, sigma);
  }
}
"""
)
DATASETS = """\
  plots:
    path: data/plots.csv
    columns:
      plot: {type: category, unique: true}
      field: {type: category, levels: [north, south, east, west, hill, river]}
      dose: {type: real, lower: 0, transform: standardize, unit: kg/ha, label: Dose of nitrogen}
      yield: {type: real, unit: tonnes}
    stan:
      N: nrow()
      X: design("~ dose")
      P: ncol(X)
      J: nlevels(field)
      field: index(field)
      y: yield
      N_new: new_plots.N
      X_new: new_plots.X
      field_new: new_plots.field
  new_plots:
    path: data/new_plots.csv
    columns: {plot: {type: category, unique: true}}
"""
MODELS = """\
  varying: {program: stan/varying.stan, parameters: [beta, tau, slope, sigma]}
  pooled: {program: stan/pooled.stan}
"""
ANALYSES = """\
  nitrogen:
    question: Does nitrogen raise the yield, and where most?
    answers:
      "Nitrogen raises the yield": {probability: "beta['dose'] > 0"}
      "Slope of north over south":
        {quantity: "slope['north'] - slope['south']", unit: tonnes, rope: [-0.2, 0.2]}
      "Steepest slope": {argmax: slope}
      "Fertilise?": {decide: {yes: "300 * beta['dose'] - 90", no: "0"}, unit: euros}
      "Yield of the new plots": {quantity: y_new, unit: tonnes, stacked: true}
      "New plot A yields more than new plot B":
        {probability: "y_new['plot A'] > y_new['plot B']", stacked: true}
    datasets: [plots]
    models: [varying, pooled]
    methods:
      nuts: {chains: 4, warmup: 1000, draws: 1000, adapt_delta: 0.99}
    posterior_predictive: {observed: y, replicated: y_rep, statistics: [mean, "max(y) - min(y)"]}
    predict: {variable: y_new, dataset: new_plots}
    effects: {variable: mu_new, of: [dose, "dose:field"]}
    compare: {by: loo}
    original_scale: true
"""


NORTH = "Slope of north over south"


def plots() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return 54 plots in six fields whose slopes differ by 0.4 tonnes a standard deviation."""
    rng = np.random.default_rng(20261122)
    field = np.repeat(np.arange(6), 9)
    dose = rng.uniform(0, 200, 54)
    level, slope = 5 + rng.normal(0, 0.5, 6), 0.6 + rng.normal(0, 0.4, 6)
    standard = (dose - dose.mean()) / dose.std(ddof=1)
    mean = level[field] + slope[field] * standard
    fitted = pd.DataFrame(
        {
            "plot": [f"{FIELDS[j][0].upper()}{number}" for number, j in enumerate(field)],
            "field": [FIELDS[j] for j in field],
            "dose": dose.round(1),
            "yield": rng.normal(mean, 0.8).round(3),
        }
    )
    new = pd.DataFrame(
        {
            "plot": ["plot A", "plot B", "plot C"],
            "field": ["hill", "north", "river"],
            "dose": [150.0, 50.0, 190.0],
        }
    )
    return fitted, new


def files() -> dict[str, str]:
    """Return the files that the declaration names."""
    fitted, new = plots()
    return {
        "data/plots.csv": fitted.to_csv(index=False),
        "data/new_plots.csv": new.to_csv(index=False),
        "stan/varying.stan": VARYING,
        "stan/pooled.stan": POOLED,
    }


def elements(draws: Mapping[str, Floats]) -> dict[tuple[str, str], Floats]:
    """Return what each answer is the mean of, by answer and label: `draw`.

    Without `slope`, they are the answers that a model without fields gives.
    """
    beta, new = draws["beta"][:, 1], draws["y_new"]
    utility, new_labels = 300 * beta - 90, ("plot=plot A", "plot=plot B", "plot=plot C")
    by_answer = {
        ("Nitrogen raises the yield", ""): beta > 0,
        ("Fertilise?", "yes"): utility,
        ("Fertilise?", "no"): np.zeros_like(utility),
        ("Fertilise?", "yes: expected loss"): np.maximum(-utility, 0),
        ("Fertilise?", "no: expected loss"): np.maximum(utility, 0),
        ("New plot A yields more than new plot B", ""): new[:, 0] > new[:, 1],
        **{
            ("Yield of the new plots", label): new[:, index]
            for index, label in enumerate(new_labels)
        },
    }
    if "slope" in draws:
        slope = draws["slope"]
        over, steepest = slope[:, 0] - slope[:, 1], slope.argmax(axis=1)
        by_answer[NORTH, ""] = over
        by_answer[NORTH, "within [-0.2, 0.2]"] = abs(over) <= 0.2
        for index, field in enumerate(FIELDS):
            by_answer["Steepest slope", f"field={field}"] = steepest == index
    return {name: values.astype(float) for name, values in by_answer.items()}


def exact(count: int, seed: int) -> dict[str, Floats]:
    """Return independent draws of the posterior of `varying`.

    `beta` is `draw × 2`, `slope` `draw × field`, `y_new` `draw × new plot`.
    """
    fitted, new = plots()
    mean, sd = fitted["dose"].mean(), fitted["dose"].std(ddof=1)
    rows, new_rows = (_rows(table, mean, sd) for table in (fitted, new))
    outcome = fitted["yield"].to_numpy()
    scales, log_weights, means, factors = [], [], [], []
    for tau_1 in np.exp(np.linspace(np.log(0.01), np.log(4), 36)):
        for tau_2 in np.exp(np.linspace(np.log(0.01), np.log(4), 36)):
            for sigma in np.exp(np.linspace(np.log(0.5), np.log(1.4), 24)):
                log_weight, location, factor = _given(rows, outcome, tau_1, tau_2, sigma)
                scales.append((tau_1, tau_2, sigma))
                log_weights.append(log_weight)
                means.append(location)
                factors.append(factor)
    weights = np.exp(np.array(log_weights) - max(log_weights))
    rng = np.random.default_rng(seed)
    points = rng.choice(len(weights), count, p=weights / weights.sum())
    noise = rng.normal(size=(count, means[0].size))
    moved = np.einsum("dij,dj->di", np.array(factors)[points], noise)
    draws = np.array(means)[points] + moved
    sigmas = np.array(scales)[points, 2]
    expected = draws @ new_rows.T
    return {
        "beta": draws[:, :2],
        "slope": draws[:, 1:2] + draws[:, 3::2],
        "y_new": rng.normal(expected, sigmas[:, None]),
    }


def _rows(table: pd.DataFrame, mean: float, sd: float) -> Floats:
    """Return the design of beta and then of the deviations, level and slope by field."""
    dose = (table["dose"].to_numpy() - mean) / sd
    design = np.zeros((len(table), 14))
    design[:, 0], design[:, 1] = 1, dose
    for row, field in enumerate(table["field"]):
        start = 2 + 2 * FIELDS.index(field)
        design[row, start : start + 2] = 1, dose[row]
    return design


def _given(
    rows: Floats, outcome: Floats, tau_1: float, tau_2: float, sigma: float
) -> tuple[float, Floats, Floats]:
    """Return log weight, mean and a factor of the covariance of all coefficients, given scales.

    The density is of the logarithms of the scales, which the grid is even in.
    """
    prior = np.array([25.0, 25.0, *[tau_1**2, tau_2**2] * 6])
    precision = rows.T @ rows / sigma**2 + np.diag(1 / prior)
    lower = np.linalg.cholesky(precision)
    location = np.linalg.solve(precision, rows.T @ outcome / sigma**2)
    residual = outcome - rows @ location
    log_weight = (
        -len(outcome) * np.log(sigma)
        - 0.5 * np.log(prior).sum()
        - np.log(np.diag(lower)).sum()
        - 0.5 * (residual @ residual / sigma**2 + (location**2 / prior).sum())
        - 0.5 * (tau_1**2 + tau_2**2)
        - sigma
        + np.log(tau_1 * tau_2 * sigma)
    )
    return float(log_weight), location, np.linalg.inv(lower).T

"""A logistic regression by formula, and its posterior by importance sampling in NumPy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import multivariate_t

Floats = NDArray[np.float64]

PROGRAM = """\
// Logistic regression on a design matrix.
data {
  int<lower=0> N;
  int<lower=1> K;
  matrix[N, K] X;
  array[N] int<lower=0, upper=1> survived;
}
parameters {
  vector[K] beta; // log odds
}
model {
  beta ~ normal(0, 2);
  survived ~ bernoulli_logit_glm(X, 0, beta);
}
"""
DATASETS = """\
  passengers:
    path: data/passengers.csv
    columns:
      sex: {type: category, levels: [female, male]}
      class: {type: category, levels: [first, second, third]}
      age: {type: real, lower: 0, unit: years}
      survived: {type: bool}
    stan:
      N: nrow()
      X: design("~ scale(age) * sex + class")
      K: ncol(X)
      survived: survived
"""
MODELS = """\
  logit: {program: stan/logit.stan}
"""
ANALYSES = """\
  survival:
    question: Who survived?
    answers:
      "Age is worse for men": {probability: "beta['scale(age):sex[T.male]'] < 0"}
      "Odds of the third class over the first":
        {quantity: "exp(beta['class[T.third]'])", rope: [0.8, 1.25]}
      "Chance of a woman of average age in the first class":
        {quantity: "1 / (1 + exp(-beta['Intercept']))"}
      "Largest coefficient": {argmax: "abs(beta)"}
      "Third under second class, and men under women":
        probability: >-
          beta['class[T.third]'] < beta['class[T.second]'] and beta['sex[T.male]'] < 0
    datasets: [passengers]
    models: [logit]
    methods:
      nuts: {chains: 4, warmup: 400, draws: 500}
    original_scale: true
"""
TRUTH = np.array([1.2, -1.6, -0.5, -1.4, -0.1, -0.4])


def passengers() -> pd.DataFrame:
    """Return 200 passengers."""
    rng = np.random.default_rng(1912)
    table = pd.DataFrame(
        {
            "sex": rng.choice(["female", "male"], 200),
            "class": rng.choice(["first", "second", "third"], 200),
            "age": rng.gamma(5, 7, 200).round(1),
        }
    )
    chance = 1 / (1 + np.exp(-_design(table) @ TRUTH))
    table["survived"] = np.where(rng.uniform(size=200) < chance, "true", "false")
    return table


def files() -> dict[str, str]:
    """Return the files that the declaration names."""
    return {
        "data/passengers.csv": passengers().to_csv(index=False),
        "stan/logit.stan": PROGRAM,
    }


ODDS = "Odds of the third class over the first"
LABELS = [
    *("Intercept", "sex[T.male]", "class[T.second]", "class[T.third]"),
    *("scale(age)", "scale(age):sex[T.male]"),
]
"""The columns of the design by their names."""


def _design(table: pd.DataFrame) -> Floats:
    """Return intercept, male, second and third class, age in standard deviations, age by male."""
    age = (table["age"] - table["age"].mean()) / table["age"].std(ddof=1)
    male = (table["sex"] == "male").to_numpy(float)
    classes = [(table["class"] == name).to_numpy(float) for name in ("second", "third")]
    return np.column_stack([np.ones(len(table)), male, *classes, age, age * male])


def elements(beta: Mapping[str, Floats]) -> dict[tuple[str, str], Floats]:
    """Return what each answer is the mean of, by answer and label: `draw`; `beta` by label."""
    odds = np.exp(beta["class[T.third]"])
    largest = np.abs([beta[label] for label in LABELS]).argmax(axis=0)
    third_under_second = beta["class[T.third]"] < beta["class[T.second]"]
    by_answer = {
        ("Age is worse for men", ""): beta["scale(age):sex[T.male]"] < 0,
        (ODDS, ""): odds,
        (ODDS, "within [0.8, 1.25]"): (odds >= 0.8) & (odds <= 1.25),
        ("Chance of a woman of average age in the first class", ""): 1
        / (1 + np.exp(-beta["Intercept"])),
        ("Third under second class, and men under women", ""): third_under_second
        & (beta["sex[T.male]"] < 0),
        **{("Largest coefficient", label): largest == index for index, label in enumerate(LABELS)},
    }
    return {name: values.astype(float) for name, values in by_answer.items()}


def exact(count: int, seed: int) -> tuple[dict[str, Floats], Floats]:
    """Return draws of a t about the mode, by label, and their weights, which sum to one."""
    table = passengers()
    design, sign = _design(table), np.where(table["survived"] == "true", 1.0, -1.0)

    def minus_log_density(beta: Floats) -> float:
        return float(np.logaddexp(0, -sign * (design @ beta)).sum() + (beta @ beta) / 8)

    mode = minimize(minus_log_density, np.zeros(6), method="BFGS").x
    chance = 1 / (1 + np.exp(-design @ mode))
    hessian = design.T @ (design * (chance * (1 - chance))[:, None]) + np.eye(6) / 4
    proposal = multivariate_t(mode, 1.2 * np.linalg.inv(hessian), df=8, seed=seed)
    draws = proposal.rvs(count)
    density = -np.logaddexp(0, -sign[:, None] * (design @ draws.T)).sum(axis=0)
    log_weights = density - (draws**2).sum(axis=1) / 8 - proposal.logpdf(draws)
    weights = np.exp(log_weights - log_weights.max())
    return dict(zip(LABELS, draws.T, strict=True)), weights / weights.sum()

"""Posteriors on which plain NUTS goes wrong, and what is declared for them.

The eight schools centred have the reference of the eight schools; the data of the autoregression
with a moving average are simulated, and its reference is importance sampling, 400,000 draws of a
Student-t distribution about the mode, whose effective number stands for that of the reference.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, stats

from tests.project import ROOT
from tests.reference.every_method import POSTERIORS, PROGRAMS, reference

DECLARATION = ROOT / "tests/stan/declarations/hard.yaml"
MODELS = ("eight_schools_centered", "arma11", "hmm_example", "lotka_volterra")
DATASETS = {"eight_schools_centered": "eight_schools"}
REFERENCES = {"eight_schools_centered": "eight_schools_noncentered"}
METHODS = ("nuts", "repaired")
OBSERVATIONS = 200
MU, PHI, THETA, SIGMA = 1.0, 0.6, -0.3, 0.5
Floats = NDArray[np.float64]


def files() -> dict[str, str]:
    """Return data and programs, by their paths in a project."""
    made = {f"stan/models/{n}.stan": (PROGRAMS / f"{n}.stan").read_text() for n in MODELS}
    for model in MODELS:
        path = f"data/{DATASETS.get(model, model)}.json"
        if model == "arma11":
            made[path] = json.dumps({"T": OBSERVATIONS, "y": simulated().tolist()})
        else:
            made[path] = (POSTERIORS / REFERENCES.get(model, model) / "data.json").read_text()
    return made


def expected(project: Path, model: str) -> pd.DataFrame:
    """Return the reference of a model's posterior."""
    if model == "arma11":
        return _by_importance(simulated())
    return reference(project, REFERENCES.get(model, model))


def fit(project: Path, model: str, method: str) -> Path:
    """Return the folder of a fit."""
    return project / "results" / model / DATASETS.get(model, model) / model / method


def simulated() -> Floats:
    """Return a series of the model."""
    noise = np.random.default_rng(20261121).normal(0, SIGMA, OBSERVATIONS)
    y = np.empty(OBSERVATIONS)
    y[0] = MU + noise[0]
    for t in range(1, OBSERVATIONS):
        y[t] = MU + PHI * y[t - 1] + THETA * noise[t - 1] + noise[t]
    return y


def _log_density(points: Floats, y: Floats) -> Floats:
    """Return the log density of `point × (mu, phi, theta, log sigma)`, up to a constant."""
    mu, phi, theta, log_sigma = points.T
    sigma = np.exp(log_sigma)
    error = y[0] - mu - phi * mu
    total = np.square(error)
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(1, len(y)):
            error = y[t] - (mu + phi * y[t - 1] + theta * error)
            total = total + np.square(error)
        likelihood = -0.5 * total / sigma**2 - len(y) * log_sigma
    prior = -0.5 * ((mu / 10) ** 2 + (phi / 2) ** 2 + (theta / 2) ** 2) - np.log1p((sigma / 5) ** 2)
    return np.nan_to_num(likelihood + prior + log_sigma, nan=-np.inf)


def _by_importance(y: Floats) -> pd.DataFrame:
    start = np.array([MU, PHI, THETA, np.log(SIGMA)])
    mode = optimize.minimize(lambda point: -_log_density(point[None], y)[0], start, method="BFGS")
    proposal = stats.multivariate_t(mode.x, 1.5 * mode.hess_inv, df=5, seed=20261121)
    points = proposal.rvs(400_000)
    log_weights = _log_density(points, y) - proposal.logpdf(points)
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    points[:, 3] = np.exp(points[:, 3])
    rows = {}
    for name, values in zip(("mu", "phi", "theta", "sigma"), points.T, strict=True):
        order = np.argsort(values)
        q05, q50, q95 = np.interp([0.05, 0.5, 0.95], np.cumsum(weights[order]), values[order])
        mean = weights @ values
        sd = np.sqrt(weights @ (values - mean) ** 2)
        rows[name] = {"mean": mean, "sd": sd, "q05": q05, "q50": q50, "q95": q95}
    return pd.DataFrame(rows).T.assign(draws=1 / np.square(weights).sum())

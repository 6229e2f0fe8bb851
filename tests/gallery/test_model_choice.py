"""Two regressions by LOO and by Bayes factor, against closed forms and refits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import integrate, stats

from tests.gallery.results import DATA, ERRORS, Run, answers, slow

pytestmark = pytest.mark.stan

TABLE = pd.read_csv(DATA / "strikes.csv")
Y = np.log(TABLE["duration"].to_numpy(dtype=float))
ONES = np.ones((len(Y), 1))
LINE = np.column_stack([ONES, TABLE["iprod"]])
PRIORS = {
    "constant": (ONES, [1.0]),
    "slope": (LINE, [1.0, 1e-2]),
    "slope_wide": (LINE, [1.0, 1e-6]),
}
SHAPE = SCALE = MEAN = 3.0


class Regression:
    """A regression with a normal-inverse-gamma prior, fitted to some rows.

    The formulas are those of O'Hagan & Forster 2004, Kendall's Advanced Theory of Statistics 2B,
    chapter 11.
    """

    def __init__(self, design: Any, precision: list[float], rows: Any = slice(None)) -> None:
        y, design = Y[rows], design[rows]
        prior, mean = np.diag(precision), np.zeros(len(precision))
        mean[0] = MEAN
        self.precision = design.T @ design + prior
        self.mean = np.linalg.solve(self.precision, design.T @ y + prior @ mean)
        self.shape = SHAPE + len(y) / 2
        squares = y @ y + mean @ prior @ mean - self.mean @ self.precision @ self.mean
        self.scale = SCALE + squares / 2

    def predictive(self, x: Any) -> Any:
        """Return the distribution of the outcome of a row: Student's t."""
        spread = self.scale / self.shape * (1 + x @ np.linalg.solve(self.precision, x))
        return stats.t(2 * self.shape, x @ self.mean, np.sqrt(spread))

    @property
    def slope(self) -> Any:
        """Return the distribution of the slope: Student's t."""
        spread = self.scale / self.shape * np.linalg.inv(self.precision)[1, 1]
        return stats.t(2 * self.shape, self.mean[1], np.sqrt(spread))


def log_evidence(model: str) -> float:
    """Return log p(y): the product of each outcome's density given those before it."""
    design, precision = PRIORS[model]
    before = (Regression(design, precision, slice(n)) for n in range(len(Y)))
    return float(sum(fit.predictive(design[n]).logpdf(Y[n]) for n, fit in enumerate(before)))


def refitted(model: str) -> Any:
    """Return each outcome's log density by the fit without it."""
    design, precision = PRIORS[model]
    rows = np.arange(len(Y))
    fits = [Regression(design, precision, rows != n) for n in rows]
    return np.array([fit.predictive(design[n]).logpdf(Y[n]) for n, fit in enumerate(fits)])


def comparison(results: Path, analysis: str) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the rows of a comparison by model, and its log marginal likelihoods."""
    content = json.loads((results / analysis / "comparison.json").read_text())
    evidence = {row["model"]: row["log_evidence"] for row in content["datasets"][0]["evidence"]}
    return pd.read_csv(results / analysis / "comparison.csv", index_col="model"), evidence


ANALYSES = {"model_choice": ("constant", "slope"), "wide_prior": ("constant", "slope_wide")}


def test_the_oracle_s_marginal_likelihood_is_an_integral() -> None:
    """That of the constant model is the likelihood's mean over the prior, by quadrature."""

    def density(sigma2: float, mu: float) -> float:
        prior = stats.invgamma.pdf(sigma2, SHAPE, scale=SCALE)
        prior *= stats.norm.pdf(mu, MEAN, np.sqrt(sigma2))
        return float(prior * np.exp(stats.norm.logpdf(Y, mu, np.sqrt(sigma2)).sum() + 108))

    value, _ = integrate.dblquad(density, 2.0, 4.2, 0.6, 5.0, epsabs=0, epsrel=1e-6)
    assert abs(np.log(value) - 108 - log_evidence("constant")) < 1e-5


@slow
@pytest.mark.parametrize("analysis", ANALYSES)
def test_marginal_likelihoods_of_strikes_are_exact(run: Run, analysis: str) -> None:
    """To ten digits; the wide prior turns the Bayes factor about, from 8 to 1 to 1 to 9."""
    _, evidence = comparison(run("model_choice"), analysis)
    constant, line = ANALYSES[analysis]
    for model in (constant, line):
        np.testing.assert_allclose(evidence[model], log_evidence(model), rtol=1e-10)
    factor = np.exp(evidence[line] - evidence[constant])
    assert 8 < factor < 9 if analysis == "model_choice" else 8 < 1 / factor < 9


@slow
@pytest.mark.parametrize("analysis", ANALYSES)
def test_loo_of_strikes_is_that_of_refits(run: Run, analysis: str) -> None:
    """elpd and difference, and the width of the prior moves the difference by less than 0.2.

    An elpd's error is that of the importance weights 1 / p(y): their relative variances over the
    draws, added up. What the smoothing of their tails does is within it.
    """
    results = run("model_choice")
    rows, _ = comparison(results, analysis)
    exact, variance = {}, {}
    for model in ANALYSES[analysis]:
        path = results / analysis / f"strikes/{model}/conjugate/draws.nc"
        tree = xr.open_datatree(path, engine="h5netcdf")
        (log_lik,) = tree["log_likelihood"].to_dataset().data_vars.values()
        inverse = np.exp(-log_lik.to_numpy().reshape(-1, len(Y)))
        relative = inverse.var(axis=0) / inverse.mean(axis=0) ** 2
        variance[model] = relative.sum() / len(inverse)
        exact[model] = refitted(model)
        error = np.sqrt(variance[model])
        assert abs(rows.loc[model, "elpd"] - exact[model].sum()) < ERRORS * error
    constant, line = ANALYSES[analysis]
    difference = (exact[constant] - exact[line]).sum()
    error = np.sqrt(sum(variance.values()))
    assert abs(rows.loc[constant, "diff"] - difference) < ERRORS * error
    assert abs(difference - (refitted("constant") - refitted("slope")).sum()) < 0.2
    assert rows.index[0] == line


@slow
@pytest.mark.parametrize("analysis", ANALYSES)
def test_answers_of_strikes_are_the_exact_ones(run: Run, analysis: str) -> None:
    """The slope is Student's t: its probability below zero, and the mean of exp of a part of it.

    A t has no mean of its exponential; over six sds either way it has one that is meant.
    """
    _, line = ANALYSES[analysis]
    slope = Regression(*PRIORS[line]).slope
    table = answers(run("model_choice"), analysis, "conjugate").droplevel("label")
    row = table.loc["More production goes with shorter strikes"]
    assert abs(row["value"] - slope.cdf(0)) < ERRORS * row["mcse"]
    row = table.loc["Change of a strike's length at 5 % more production"]
    mean, sd = slope.mean(), slope.std()
    value, _ = integrate.quad(lambda b: np.exp(b / 20) * slope.pdf(b), mean - 6 * sd, mean + 6 * sd)
    assert abs(row["value"] - 100 * (value - 1)) < ERRORS * row["mcse"]

"""Regression with one predictor, against its exact posterior."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from tests.gallery.results import DATA, ERRORS, Run, answers, meets, summary, verdict

pytestmark = pytest.mark.stan


class Line:
    """The exact posterior of the gallery's regression, with the prior as its declaration says it.

    The formulas are those of a normal-inverse-gamma prior (O'Hagan & Forster 2004, Kendall's
    Advanced Theory of Statistics 2B, chapter 11).
    """

    def __init__(self) -> None:
        table = pd.read_csv(DATA / "heating.csv")
        self.y = table["gas"].to_numpy()
        self.X = np.column_stack([np.ones(len(table)), table["degrees"]])
        self.precision, self.prior_mean = np.diag([0.5, 12.0]), np.array([10.0, 3.0])
        self.posterior = self.X.T @ self.X + self.precision
        right = self.X.T @ self.y + self.precision @ self.prior_mean
        self.mean = np.linalg.solve(self.posterior, right)
        self.shape = 3 + len(self.y) / 2
        squares = self.y @ self.y + self.prior_mean @ self.precision @ self.prior_mean
        self.scale = 100 + (squares - self.mean @ right) / 2
        spread = np.diag(np.linalg.inv(self.posterior)) * self.scale / self.shape
        self.beta = stats.t(2 * self.shape, self.mean, np.sqrt(spread))
        self.sigma2 = stats.invgamma(self.shape, scale=self.scale)


BETA = ["beta[Intercept]", "beta[degrees]"]


def test_a_regression_by_sampling_is_the_exact_one(run: Run) -> None:
    """NUTS meets Student's t of the coefficients; sigma2's mean is that of the inverse gamma."""
    line, fit = Line(), run("linear") / "linear/heating/regression/nuts"
    table = summary(fit)
    assert verdict(fit) == "pass"
    assert meets(table.loc[BETA], line.beta.mean(), line.beta.std())
    draws = xr.open_datatree(fit / "draws.nc", engine="h5netcdf")["posterior"]["sigma2"]
    error = table.loc["sigma", "mcse_mean"] * 2 * table.loc["sigma", "mean"]
    assert abs(float(draws.mean()) - line.sigma2.mean()) < ERRORS * error


def test_a_conjugate_regression_is_exact(run: Run) -> None:
    """Moments and shortest intervals agree with SciPy's to ten digits."""
    line = Line()
    table = summary(run("linear") / "exact/heating/known/conjugate").loc[BETA]
    np.testing.assert_allclose(table["mean"], line.beta.mean(), rtol=1e-10)
    np.testing.assert_allclose(table["sd"], line.beta.std(), rtol=1e-10)
    np.testing.assert_allclose(table["hdi90_lower"], line.beta.ppf(0.05), rtol=1e-8)
    np.testing.assert_allclose(table["hdi90_upper"], line.beta.ppf(0.95), rtol=1e-8)


@pytest.mark.parametrize("method", ["fullrank", "pathfinder", "laplace"])
def test_approximations_of_a_regression_that_pass_meet_it(run: Run, method: str) -> None:
    """Where k̂ finds no fault, what was resampled has the exact means and sds."""
    line, fit = Line(), run("linear") / f"linear/heating/regression/{method}"
    assert verdict(fit) == "pass"
    assert meets(summary(fit).loc[BETA], line.beta.mean(), line.beta.std())


def test_independent_normals_are_too_narrow_and_are_refused(run: Run) -> None:
    """Mean-field ADVI's sds are those with the other coefficient held, and its k̂ fails.

    Of a normal, the sds that minimise its divergence are 1 / sqrt of the precision's diagonal; the
    estimate by stochastic gradients comes within a quarter of that.
    """
    line, fit = Line(), run("linear") / "linear/heating/regression/advi"
    assert verdict(fit) == "fail"
    sd = summary(fit).loc[BETA, "sd"].to_numpy()
    held = np.sqrt(line.sigma2.mean() / np.diag(line.posterior))
    assert (np.abs(sd / held - 1) < 0.25).all()
    assert (sd < 0.75 * line.beta.std()).all()


def test_the_modes_are_ridge_and_least_squares(run: Run) -> None:
    """MAP is the ridge regression about the prior means, whatever sigma; MLE is least squares.

    Both within a hundredth of a standard error, which is what the check of convergence asks for.
    """
    line, results = Line(), run("linear")
    point = summary(results / "linear/heating/regression/map")
    penalty = np.sqrt(line.precision)
    rows = np.vstack([line.X, penalty])
    ridge = np.linalg.lstsq(rows, np.append(line.y, penalty @ line.prior_mean))[0]
    assert (np.abs(point.loc[BETA, "estimate"] - ridge) < point.loc[BETA, "se"] / 100).all()
    point = summary(results / "least_squares/heating/flat/mle")
    beta, squares, *_ = np.linalg.lstsq(line.X, line.y)
    assert (np.abs(point.loc[BETA, "estimate"] - beta) < point.loc[BETA, "se"] / 100).all()
    sigma = point.loc["sigma"]
    assert abs(sigma["estimate"] - np.sqrt(squares[0] / len(line.y))) < sigma["se"] / 100


def test_the_prior_of_a_regression_is_drawn_as_declared(run: Run) -> None:
    """Prior coefficients are Student's t with 6 degrees of freedom: quantiles within the errors.

    400 is below the effective size that 1,000 draws of a prior of this form have.
    """
    path = run("linear") / "linear/heating/regression/prior.nc"
    draws = xr.open_datatree(path, engine="h5netcdf")["prior"]["beta"].to_numpy().reshape(-1, 2)
    exact = stats.t(6, [10, 3], np.sqrt([100 / 3 / 0.5, 100 / 3 / 12]))
    below = (draws < exact.ppf(0.25)).mean(axis=0), (draws < exact.ppf(0.75)).mean(axis=0)
    error = np.sqrt(0.25 * 0.75 / 400)
    assert (np.abs(np.array(below) - [[0.25], [0.75]]) < ERRORS * error).all()


def test_answers_of_a_regression_are_the_exact_ones(run: Run) -> None:
    """The probability of a slope above 3, by NUTS and by independent draws, and by Student's t."""
    line, results = Line(), run("linear")
    exact = line.beta.sf(3)[1]
    for analysis, method in (("linear", "nuts"), ("exact", "conjugate")):
        row = answers(results, analysis, method).loc["A degree takes more than 3 kWh"].iloc[0]
        assert abs(row["value"] - exact) < ERRORS * row["mcse"]


def test_lines_of_the_prior_are_of_its_draws(run: Run) -> None:
    """Each is X β on the grid, at 25 draws of prior.nc that are evenly spread over its chains."""
    fit = run("linear") / "linear/heating/regression"
    draws = xr.open_datatree(fit / "prior.nc", engine="h5netcdf")["prior"]["beta"].to_numpy()
    flat = draws.reshape(-1, 2)
    beta = flat[np.linspace(0, len(flat) - 1, 25).round().astype(int)]
    (effect,) = json.loads((fit / "nuts/effects.json").read_text())["effects"]
    (line,) = effect["lines"]
    degrees = np.array([row["value"] for row in line["rows"]])
    expected = beta[:, :1] + beta[:, 1:] * degrees
    np.testing.assert_allclose(line["prior"], expected, rtol=1e-5, atol=1e-4)

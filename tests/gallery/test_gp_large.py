"""The Hilbert-space approximation of a Gaussian process, against the exact one of 5,000 rows."""

from __future__ import annotations

from functools import cache as once
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy import linalg, stats

from tests.gallery.results import DATA, ERRORS, Run, answers, slow, summary, verdict

pytestmark = [pytest.mark.stan, slow]
Floats = NDArray[np.float64]
LEVEL, LEVEL_SD = 150.0, 50.0


def river() -> tuple[Floats, Floats]:
    """Return days, and levels less their prior mean."""
    table = pd.read_csv(DATA / "river.csv")
    return table["day"].to_numpy(), table["level"].to_numpy() - LEVEL


def covariance(s: Floats, t: Floats, rho: float, alpha: float) -> Floats:
    """Return the covariance of a level that is not known and of a curve."""
    return LEVEL_SD**2 + alpha**2 * np.exp(-((s[:, None] - t) ** 2) / (2 * rho**2))


@once
def exact(rho: float, alpha: float, sigma: float, *at: float) -> tuple[Floats, Floats]:
    """Return mean and sd of the exact process at days, by the covariance of all 5,000 rows."""
    t, y = river()
    days = np.array(at)
    noisy = covariance(t, t, rho, alpha)
    noisy[np.diag_indices_from(noisy)] += sigma**2
    factor = linalg.cholesky(noisy, lower=True, overwrite_a=True, check_finite=False)
    solve: dict[str, Any] = {"lower": True, "check_finite": False}
    cross = linalg.solve_triangular(factor, covariance(t, days, rho, alpha), **solve)
    mean = LEVEL + cross.T @ linalg.solve_triangular(factor, y, **solve)
    variance = LEVEL_SD**2 + alpha**2 - (cross**2).sum(axis=0)
    return mean, np.sqrt(variance)


class Waves:
    """A constant and M sine waves, with independent normal weights."""

    def __init__(self, count: int, boundary: float, rho: float, alpha: float) -> None:
        t = river()[0]
        self.middle, self.half = (t.min() + t.max()) / 2, boundary * (t.max() - t.min()) / 2
        self.frequency = np.arange(1, count + 1) * np.pi / (2 * self.half)
        density = alpha**2 * np.sqrt(2 * np.pi) * rho * np.exp(-((rho * self.frequency) ** 2) / 2)
        self.sds = np.append(LEVEL_SD, np.sqrt(density))

    def scaled(self, t: Floats) -> Floats:
        """Return the basis at inputs, each function by the sd of its weight."""
        angles = self.frequency * (t[:, None] - self.middle + self.half)
        waves = np.sin(angles) / np.sqrt(self.half)
        return np.column_stack([np.ones(len(t)), waves]) * self.sds

    def given(self, sigma: float, at: Floats) -> tuple[Floats, Floats]:
        """Return mean and sd at inputs, by ridge regression on the basis."""
        t, y = river()
        rows, new = self.scaled(t), self.scaled(at)
        inverse = np.linalg.inv(rows.T @ rows / sigma**2 + np.eye(rows.shape[1]))
        mean = LEVEL + new @ inverse @ rows.T @ y / sigma**2
        return mean, np.sqrt(np.einsum("ij,jk,ik->i", new, inverse, new))


CASES = [(10, 1.5), (20, 1.5), (40, 1.5), (60, 1.5), (60, 1.01), (60, 1.1), (60, 3.0)]


def test_the_error_of_the_approximation_is_that_of_its_closed_form(run: Run) -> None:
    """Errors of mean and sd, by Stan, are NumPy's to 1e-6 of an sd; and what decides them holds.

    More waves in the same interval err less; waves that end where the data end, or that are spread
    over an interval too wide for so many, err more.
    """
    fit = run("gp_large") / "error/river/error/comparison"
    tree = xr.open_datatree(fit / "draws.nc", engine="h5netcdf")
    drawn: dict[str, Any] = {
        str(name): variable.to_numpy().reshape(-1, len(CASES))[0]
        for group in tree.children.values()
        for name, variable in group.data_vars.items()
        if str(name).startswith("error_")
    }
    t, _ = river()
    at = np.linspace(t.min(), t.max(), 101)
    rho, alpha, sigma = 18.0, 35.0, 15.0
    mean, sd = exact(rho, alpha, sigma, *at)
    approximate = [Waves(count, wide, rho, alpha).given(sigma, at) for count, wide in CASES]
    of_mean = [np.abs((m - mean) / sd).max() for m, _ in approximate]
    of_sd = [np.abs(s / sd - 1).max() for _, s in approximate]
    np.testing.assert_allclose(drawn["error_mean"], of_mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(drawn["error_sd"], of_sd, rtol=1e-4, atol=1e-6)
    assert of_mean[0] > of_mean[1] > of_mean[2] > of_mean[3]
    assert min(of_mean[4], of_mean[6]) > 100 * of_mean[3]
    said = answers(run("gp_large"), "error", "comparison")["value"]
    assert said.loc["60 waves in 1.5 ranges"].iloc[0] == drawn["error_mean"][3]


def test_the_density_is_that_of_5000_rows(run: Run) -> None:
    """`lp__` of two draws differs by what the dense covariance of all rows says, to 1e-5."""
    tree = xr.open_datatree(
        run("gp_large") / "river/river/hilbert/nuts/draws.nc", engine="h5netcdf"
    )
    t, y = river()
    densities, log_densities = [], []
    for draw in (0, 200):
        point = tree["posterior"].isel(chain=1, draw=draw)
        rho, alpha, sigma = (float(point[name]) for name in ("rho", "alpha", "sigma"))
        rows = Waves(60, 1.5, rho, alpha).scaled(t)
        dense = rows @ rows.T
        dense[np.diag_indices_from(dense)] += sigma**2
        factor = linalg.cholesky(dense, lower=True, overwrite_a=True, check_finite=False)
        white = linalg.solve_triangular(factor, y, lower=True, check_finite=False)
        prior = (
            stats.invgamma(3.12, scale=86.1).logpdf(rho)
            + stats.norm(0, 50).logpdf(alpha)
            + stats.norm(0, 20).logpdf(sigma)
            + np.log(rho * alpha * sigma)  # sampled on the log scale
        )
        densities.append(prior - np.log(np.diag(factor)).sum() - white @ white / 2)
        sampled = tree["sample_stats"]["lp"].isel(chain=1, draw=draw)
        log_densities.append(float(sampled))
    assert abs(np.diff(densities)[0] - np.diff(log_densities)[0]) < 1e-5


def test_the_band_of_the_fit_is_that_of_the_exact_process(run: Run) -> None:
    """At the posterior means of its hyperparameters: the mean by 4 errors, the sd by a tenth.

    Of 5,000 rows these are known so well that their spread adds less than a tenth to the sd. 400
    is below the effective size of 1,000 draws that the check asks for.
    """
    fit = run("gp_large") / "river/river/hilbert/nuts"
    assert verdict(fit) == "pass"
    band = pd.read_csv(fit / "effects.csv")
    days = band["value"].to_numpy()
    rho, alpha, sigma = summary(fit).loc[["rho", "alpha", "sigma"], "mean"]
    mean, sd = exact(rho, alpha, sigma, *days)
    distance = np.abs(band["mean"] - mean) / sd
    assert distance.max() < (ERRORS + 1) / np.sqrt(400)  # 147 days at once: one error more
    width = (band["upper"] - band["lower"]) / (2 * stats.norm.ppf(0.95) * sd)
    assert abs(width.mean() - 1) < 0.1

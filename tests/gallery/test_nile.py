"""The Nile by three ways through one model, against the Kalman filter in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import optimize, stats
from statsmodels.tsa.api import UnobservedComponents

from tests.gallery.results import DATA, ERRORS, Run, answers, meets, slow, summary, verdict
from tests.project import ROOT

pytestmark = pytest.mark.stan

YEARS = pd.read_csv(DATA / "nile.csv")["year"].to_numpy()
Y = pd.read_csv(DATA / "nile.csv")["volume"].to_numpy(dtype=float)
PUBLISHED = 15099.0, 1469.1
"""Maximum likelihood of the two variances (Durbin & Koopman 2012, section 2.10.3)."""
FEWEST = 400
"""Effective draws that a fit has which passes its checks."""


@dataclass(frozen=True)
class Levels:
    """Log likelihood, and moments of each level, first index: with all outcomes or those before."""

    log_lik: Any
    filtered: Any
    filtered_variance: Any
    smoothed: Any
    variance: Any
    gain: Any
    """Regression of a level on the next."""


def kalman(noise: Any, step: Any, prior: tuple[float, float] = (1000.0, 300.0**2)) -> Levels:
    """Return the moments of the levels by Kalman's filter and the smoother of Rauch et al.

    `noise` and `step` are variances, of one shape; `prior` is that of the first level.
    """
    mean, variance = np.full(np.shape(noise), prior[0]), np.full(np.shape(noise), prior[1])
    log_lik, filtered, spread = [], [], []
    for y in Y:
        total = variance + noise
        log_lik.append(-0.5 * (np.log(2 * np.pi * total) + (y - mean) ** 2 / total))
        mean = mean + variance / total * (y - mean)
        variance = variance * noise / total
        filtered.append(mean)
        spread.append(variance)
        variance = variance + step
    smoothed, smooth_spread, gain = [filtered[-1]], [spread[-1]], []
    for m, v in zip(filtered[-2::-1], spread[-2::-1], strict=True):
        gain.insert(0, v / (v + step))
        smoothed.insert(0, m + gain[0] * (smoothed[0] - m))
        smooth_spread.insert(0, v + gain[0] ** 2 * (smooth_spread[0] - v - step))
    lists = (log_lik, filtered, spread, smoothed, smooth_spread, gain)
    return Levels(*map(np.array, lists))


class Posterior:
    """The exact posterior, by a sum over a grid of the two sds; outside is less than 1e-5 of it."""

    def __init__(self) -> None:
        self.sds = np.meshgrid(np.linspace(55, 200, 146), np.linspace(0.5, 160, 320))
        self.levels = kalman(*(sd**2 for sd in self.sds))
        prior = sum(stats.norm.logpdf(sd, 0, s) for sd, s in zip(self.sds, (200, 100), strict=True))
        density = self.levels.log_lik.sum(axis=0) + prior
        weight = np.exp(density - density.max())
        self.weight = weight / weight.sum()
        edges = (weight[0], weight[-1], weight[:, 0], weight[:, -1])
        assert sum(edge.sum() for edge in edges) < 1e-5 * weight.sum()

    def mean(self, values: Any) -> Any:
        """Return the mean of what is known at each point of the grid, the last two axes."""
        return (values * self.weight).sum(axis=(-1, -2))

    def moments(self, mean: Any, variance: Any) -> tuple[Any, Any]:
        """Return mean and sd of a mixture of normals, one a point of the grid."""
        mixed = self.mean(mean)
        return mixed, np.sqrt(self.mean(variance + mean**2) - mixed**2)

    def difference(self, early: int, years: int) -> tuple[Any, Any]:
        """Return mean and variance of a level less that of so many years before, on the grid."""
        first = int(np.flatnonzero(early == YEARS)[0])
        last, found = first + years, self.levels
        covariance = found.gain[first:last].prod(axis=0) * found.variance[last]
        variance = found.variance[first] + found.variance[last] - 2 * covariance
        return found.smoothed[last] - found.smoothed[first], variance

    @property
    def following(self) -> tuple[Any, Any]:
        """Mean and variance of the outcome after the last, on the grid."""
        spread = self.levels.variance[-1] + self.sds[0] ** 2 + self.sds[1] ** 2
        return self.levels.smoothed[-1], spread


@pytest.fixture(scope="module")
def exact() -> Posterior:
    """The exact posterior."""
    return Posterior()


def test_the_oracle_is_the_published_filter() -> None:
    """Its likelihood is largest at the published variances; its levels are those of statsmodels.

    The published ones have a diffuse first level, so that the first outcome's factor is left out.
    """
    diffuse = 0.0, 1e12

    def negative(logs: Any) -> float:
        return float(-kalman(*np.exp(logs), diffuse).log_lik[1:].sum())

    best = optimize.minimize(negative, np.log([1e4, 1e3]), method="Nelder-Mead", tol=1e-10)
    np.testing.assert_allclose(np.exp(best.x), PUBLISHED, rtol=1e-4)
    ours = kalman(*PUBLISHED, (0.0, 1e6))  # as statsmodels has it
    theirs = UnobservedComponents(Y, "llevel").smooth(PUBLISHED)
    np.testing.assert_allclose(ours.log_lik[1:], theirs.llf_obs[1:], rtol=1e-9)
    np.testing.assert_allclose(ours.filtered, theirs.filtered_state[0], rtol=1e-9)
    np.testing.assert_allclose(ours.smoothed, theirs.smoothed_state[0], rtol=1e-9)
    np.testing.assert_allclose(ours.variance, theirs.smoothed_state_cov[0, 0], rtol=1e-9)


@cache
def particles() -> dict[str, Any]:
    """Return 400 passes of the particle filter at the published variances, by name."""
    script = run_path(str(ROOT / "scripts/gallery/particle_filter.py"))
    data = {"y": Y, "prior_level": 1000, "prior_level_sd": 300}
    model = script["LocalLevel"]({**data, "prior_sigma_y": 200, "prior_sigma_level": 100})
    logs = np.tile(np.log(PUBLISHED) / 2, (400, 1))
    result: dict[str, Any] = model.filter(logs, 100, np.random.default_rng(20261122))
    return result


def test_a_particle_filter_estimates_the_likelihood_without_bias() -> None:
    """The mean of its estimates is the likelihood itself, and the first factor is nearly exact."""
    right = kalman(*PUBLISHED).log_lik
    ratio = np.exp(particles()["log_lik"].sum(axis=1) - right.sum())
    assert abs(ratio.mean() - 1) < ERRORS * ratio.std() / np.sqrt(len(ratio))
    first = np.exp(particles()["log_lik"][:, 0] - right[0])
    assert abs(first.mean() - 1) < ERRORS * first.std() / np.sqrt(len(first))


@pytest.mark.parametrize("name", ["filtered", "level"])
def test_particles_are_draws_of_the_levels(name: str) -> None:
    """Weighted by their passes' likelihoods, filtered ones and paths have the exact means and sds.

    A pass counts by its likelihood. Of 100 years the largest of as many errors is below 4.5; an sd
    of n draws has the relative error 1 / √(2 n), for which 6 allows the weights.
    """
    right = kalman(*PUBLISHED)
    log_lik = particles()["log_lik"]
    draws = particles()[name]
    known = log_lik.cumsum(axis=1) if name == "filtered" else log_lik.sum(axis=1, keepdims=True)
    weight = np.exp(known - known.max(axis=0))
    weight = np.broadcast_to(weight / weight.sum(axis=0), draws.shape)
    means = right.filtered if name == "filtered" else right.smoothed
    variances = right.filtered_variance if name == "filtered" else right.variance
    effective = 1 / (weight**2).sum(axis=0)
    error = (weight * draws).sum(axis=0) - means
    assert (np.abs(error) < 4.5 * np.sqrt(variances / effective)).all()
    sd = np.sqrt((weight * (draws - means) ** 2).sum(axis=0) / variances)
    assert (np.abs(sd - 1) < 6 / np.sqrt(2 * effective)).all()


PASSED = [("kalman", "nuts"), ("kalman", "particle"), ("states", "careful")]


def fit_of(results: Path, model: str, method: str) -> Path:
    """Return the folder of a fit."""
    return results / f"nile/nile/{model}/{method}"


@slow
@pytest.mark.parametrize(("model", "method"), PASSED)
def test_sds_of_the_nile_are_the_exact_ones(
    run: Run, exact: Posterior, model: str, method: str
) -> None:
    """Those of noise and level, by filter, by states and by particles, are sums over the grid."""
    fit = fit_of(run("nile"), model, method)
    assert verdict(fit) == "pass"
    sigma = [exact.moments(sd, 0 * sd) for sd in exact.sds]
    table = summary(fit).loc[["sigma_y", "sigma_level", "y_next"]]
    means, sds = zip(*sigma, exact.moments(*exact.following), strict=True)
    assert meets(table, list(means), list(sds))


@slow
@pytest.mark.parametrize(("model", "method"), PASSED)
def test_levels_of_the_nile_are_the_smoothed_ones(
    run: Run, exact: Posterior, model: str, method: str
) -> None:
    """Each year's level has the exact mean and sd, within 5 errors of 400 independent draws."""
    path = fit_of(run("nile"), model, method) / "draws.nc"
    draws = xr.open_datatree(path, engine="h5netcdf")["posterior"]["level"]
    mean, sd = exact.moments(exact.levels.smoothed, exact.levels.variance)
    levels = draws.to_numpy().reshape(-1, len(Y))
    assert (np.abs(levels.mean(axis=0) - mean) < 5 * sd / np.sqrt(FEWEST)).all()
    assert (np.abs(levels.std(axis=0) / sd - 1) < 5 / np.sqrt(2 * FEWEST)).all()


@slow
def test_the_filter_of_the_nile_is_kalman_s_at_every_draw(run: Run) -> None:
    """Filtered means and sds, and one-step-ahead densities, are those of NumPy to nine digits."""
    path = fit_of(run("nile"), "kalman", "nuts") / "draws.nc"
    tree = xr.open_datatree(path, engine="h5netcdf")
    some = {"draw": slice(None, None, 100)}
    draws = tree["posterior"].to_dataset().isel(some)
    right = kalman(draws["sigma_y"].to_numpy() ** 2, draws["sigma_level"].to_numpy() ** 2)
    log_lik = tree["log_likelihood"].to_dataset().isel(some)["y"]
    for ours, theirs in (
        (draws["filtered_mean"], right.filtered),
        (draws["filtered_sd"] ** 2, right.filtered_variance),
        (log_lik, right.log_lik),
    ):
        np.testing.assert_allclose(np.moveaxis(ours.to_numpy(), -1, 0), theirs, rtol=1e-9)


@slow
@pytest.mark.parametrize(("model", "method"), PASSED)
def test_answers_of_the_nile_are_the_exact_ones(
    run: Run, exact: Posterior, model: str, method: str
) -> None:
    """The fall about 1898 and its probability, and the next year's flow with its interval.

    An end of the interval has as much below it as is declared, within the error of 400 draws.
    """
    table = answers(run("nile"), "nile", method)
    table = table[table["model"] == model].droplevel("label")
    fall, spread = exact.difference(1897, 2)
    longer, _ = exact.difference(1893, 10)
    next_mean, next_variance = exact.following
    for answer, value in (
        ("The level of 1899 is below that of 1897", stats.norm.cdf(-fall / np.sqrt(spread))),
        ("Level of 1899 less that of 1897", fall),
        ("Level of 1903 less that of 1893", longer),
        ("Flow of 1971", next_mean),
    ):
        row = table.loc[answer]
        assert abs(row["value"] - exact.mean(value)) < ERRORS * row["mcse"], answer
    for end, share in (("lower", 0.05), ("upper", 0.95)):
        z = (table.loc["Flow of 1971", end] - next_mean) / np.sqrt(next_variance)
        error = np.sqrt(share * (1 - share) / FEWEST)
        assert abs(exact.mean(stats.norm.cdf(z)) - share) < ERRORS * error


@slow
def test_states_without_care_are_refused(run: Run) -> None:
    """By NUTS' default step sizes the explicit states diverge, which the gate sees."""
    assert verdict(fit_of(run("nile"), "states", "nuts")) == "fail"

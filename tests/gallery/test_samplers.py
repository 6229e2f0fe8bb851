"""One posterior by six samplers, against sums over a grid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from tests.gallery.results import DATA, ERRORS, Run, answers, slow, summary, verdict
from tests.project import ProjectDir

pytestmark = pytest.mark.stan

SAMPLERS = ["nuts", "nuts_dense", "hmc", "gibbs", "gibbs_block", "metropolis"]
PARAMETERS = ["beta[Intercept]", "beta[minutes]", "sigma"]


class Waiting:
    """The exact posterior of the regression, given sigma in closed form, summed over sigma.

    Given sigma the coefficients are normal. How probable a sigma is follows from the likelihood,
    the prior and that normal, at any coefficients: here at its mean (Chib 1995).
    """

    def __init__(self) -> None:
        table = pd.read_csv(DATA / "old_faithful.csv")
        self.X = np.column_stack([np.ones(len(table)), table["minutes"]])
        self.y = table["waiting"].to_numpy(dtype=float)
        prior = np.diag([100.0**2, 20.0**2])
        self.sigma = np.linspace(4.5, 8.0, 701)
        logs, means, covariances = [], [], []
        for sigma in self.sigma:
            covariance = np.linalg.inv(self.X.T @ self.X / sigma**2 + np.linalg.inv(prior))
            mean = covariance @ self.X.T @ self.y / sigma**2
            likelihood = stats.norm(self.X @ mean, sigma).logpdf(self.y).sum()
            before = stats.multivariate_normal(cov=prior).logpdf(mean)
            logs.append(likelihood + before + np.log(np.linalg.det(covariance)) / 2)
            means.append(mean)
            covariances.append(covariance)
        self.means, self.covariances = np.array(means), np.array(covariances)
        weights = np.exp(np.array(logs) - max(logs))
        assert max(weights[0], weights[-1]) < 1e-6  # the grid goes far enough
        self.weights = weights / weights.sum()

    def average(self, values: Any) -> Any:
        """Return the mean over sigma of a value for each."""
        return np.tensordot(self.weights, np.asarray(values), axes=1)

    def moments(self) -> tuple[Any, Any]:
        """Return means and sds of the coefficients and sigma."""
        beta = self.average(self.means)
        variance = self.average(np.diagonal(self.covariances, axis1=1, axis2=2) + self.means**2)
        sigma = self.average(self.sigma)
        spread = np.sqrt(self.average(self.sigma**2) - sigma**2)
        return np.append(beta, sigma), np.append(np.sqrt(variance - beta**2), spread)


@pytest.fixture(scope="module")
def exact() -> Waiting:
    return Waiting()


@slow
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_each_sampler_gives_the_exact_posterior(run: Run, exact: Waiting, sampler: str) -> None:
    """Means and sds within 4 of each sampler's own Monte Carlo errors, and so its answers."""
    results = run("samplers")
    fit = results / f"samplers/old_faithful/regression/{sampler}"
    assert verdict(fit) in ("pass", "warn")
    means, sds = exact.moments()
    table = summary(fit).loc[PARAMETERS]
    assert ((table["mean"] - means).abs() < ERRORS * table["mcse_mean"]).all()
    assert ((table["sd"] - sds).abs() < ERRORS * table["mcse_sd"]).all()
    ten = stats.norm(exact.means[:, 1], np.sqrt(exact.covariances[:, 1, 1])).sf(10)
    asked = answers(results, "samplers", sampler)
    row = asked.loc["One minute more means ten minutes more"].iloc[0]
    assert abs(row["value"] - exact.average(ten)) < ERRORS * row["mcse"]


@slow
@pytest.mark.parametrize("sampler", ["gibbs", "gibbs_block", "metropolis"])
def test_a_script_leaves_the_log_likelihood_of_its_draws(
    run: Run, exact: Waiting, sampler: str
) -> None:
    """To ten digits what SciPy gives at each draw, and replications as scattered as sigma says.

    Standardised by its own draw each replicated number is standard normal, and independent of all
    others: the error of their mean is 1 / root of how many there are, that of the variance root 2
    times as large.
    """
    fit = run("samplers") / f"samplers/old_faithful/regression/{sampler}"
    tree = xr.open_datatree(fit / "draws.nc", engine="h5netcdf")
    beta, sigma = (tree["posterior"][name].to_numpy() for name in ("beta", "sigma"))
    mean, sd = beta @ exact.X.T, sigma[..., None]
    log_lik = stats.norm(mean, sd).logpdf(exact.y)
    np.testing.assert_allclose(tree["log_likelihood"]["y"], log_lik, rtol=1e-10)
    z = (tree["posterior_predictive"]["y"].to_numpy() - mean) / sd
    assert abs(z.mean()) < ERRORS / np.sqrt(z.size)
    assert abs(z.var() - 1) < ERRORS * np.sqrt(2 / z.size)


@slow
def test_least_squares_of_old_faithful_are_those_that_r_gives(exact: Waiting) -> None:
    """33.4744 and 10.7296 with a residual sd of 5.914, as `lm(waiting ~ eruptions)` prints."""
    beta, squares, *_ = np.linalg.lstsq(exact.X, exact.y)
    np.testing.assert_allclose(beta, [33.4744, 10.7296], atol=5e-5)
    assert abs(np.sqrt(squares[0] / 270) - 5.914) < 5e-4
    means, _ = exact.moments()
    assert (np.abs(means[:2] - beta) < 0.01).all()  # the priors are wide


@slow
def test_effective_draws_a_second_are_in_the_status(run: Run, cache: Path) -> None:
    """Each sampler's least ESS over the seconds of its steps, in a table and as JSON."""
    results = run("samplers")
    project = ProjectDir(results.parent, cache)
    text = project.stanchion("status").stdout
    assert "ESS/s" in text.splitlines()[0]
    status = json.loads(project.stanchion("status", "--json").stdout)
    rates = {fit["fit"].rpartition("/")[2]: fit["ess_per_second"] for fit in status["fits"]}
    assert set(rates) == set(SAMPLERS)
    for fit in status["fits"]:
        folder = results / fit["fit"] / "records"
        records = [json.loads(path.read_text()) for path in folder.glob("sample_*/*.json")]
        seconds = sum(record["seconds"] for record in records)
        assert fit["ess_per_second"] == pytest.approx(fit["ess"] / seconds)

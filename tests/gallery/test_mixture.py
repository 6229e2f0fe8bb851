"""A mixture of two normals, against sums over a lattice and a published posterior."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import special, stats

from tests.gallery.lattice import expectation
from tests.gallery.results import DATA, ERRORS, Run, answers, slow, summary, verdict
from tests.project import REFERENCE, ROOT, ProjectDir

pytestmark = pytest.mark.stan

PARAMETERS = ["mu[1]", "mu[2]", "sigma[1]", "sigma[2]", "share"]
ORDERED = "eruptions/old_faithful/ordered/nuts"
START = [2.0, 4.3, np.log(0.3), np.log(0.4), 0.6]
EDGES = ["24", "244"]
"""Eruptions of 3.067 and 2.9 minutes, of either kind."""


def natural(x: Any) -> Any:
    """Return the parameters in the program's order, of points on scales without bounds."""
    return np.column_stack([x[:, :2], np.exp(x[:, 2:4]), special.expit(x[:, 4])])


def components(y: Any, x: Any) -> tuple[Any, Any]:
    """Return the log density under each component with its share, points × outcome."""
    mu_1, mu_2, sigma_1, sigma_2, share = natural(x).T[:, :, None]

    def normal(mu: Any, sigma: Any) -> Any:
        return -0.5 * ((y - mu) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))

    return np.log1p(-share) + normal(mu_1, sigma_1), np.log(share) + normal(mu_2, sigma_2)


def log_density(y: Any, x: Any) -> Any:
    """Return the log density of the parameters without bounds, as the declaration has priors."""
    mu, log_sigma, share = x[:, :2], x[:, 2:4], special.expit(x[:, 4])
    prior = stats.norm(3, 1.5).logpdf(mu).sum(axis=1)
    prior += stats.norm(np.log(0.4), 0.5).logpdf(log_sigma).sum(axis=1)  # of the log: no Jacobian
    prior += stats.beta(2, 2).logpdf(share) + np.log(share * (1 - share))
    return prior + np.logaddexp(*components(y, x)).sum(axis=1)


@pytest.fixture(scope="module")
def eruptions() -> pd.DataFrame:
    return pd.read_csv(DATA / "old_faithful.csv")


@slow
def test_a_mixture_is_the_exact_one(run: Run, eruptions: pd.DataFrame) -> None:
    """Means and sds of all parameters, and the answers, within 4 errors of sums over a lattice.

    The lattice is fine enough: one a fifth coarser gives the means to a thousandth of an sd.
    """
    results = run("mixture")
    fit = results / "eruptions/old_faithful/ordered/nuts"
    assert verdict(fit) == "pass"
    y = eruptions["minutes"].to_numpy()
    edges = eruptions.set_index(eruptions["eruption"].astype(str)).loc[EDGES, "minutes"].to_numpy()

    def functions(x: Any) -> Any:
        first, second = components(edges, x)
        values, less = natural(x), x[:, 2] < x[:, 3]
        return np.column_stack([values, values**2, special.expit(second - first), less])

    coarse, exact = (
        expectation(lambda x: log_density(y, x), START, functions, step) for step in (1.25, 1.0)
    )
    means = exact[:5]
    sds = np.sqrt(exact[5:10] - means**2)
    assert (np.abs(coarse[:5] - means) < 1e-3 * sds).all()
    table = summary(fit).loc[PARAMETERS]
    assert ((table["mean"] - means).abs() < ERRORS * table["mcse_mean"]).all()
    assert ((table["sd"] - sds).abs() < ERRORS * table["mcse_sd"]).all()
    asked = answers(results, "eruptions", "nuts")
    for name, value in (
        ("A short eruption takes", means[0]),
        ("A long eruption takes", means[1]),
        ("Share of long eruptions", means[4]),
        ("Probability that one of 3.067 min is a long one", exact[10]),
        ("Probability that one of 2.9 min is a long one", exact[11]),
    ):
        row = asked.loc[name].iloc[0]
        assert abs(row["value"] - value) < ERRORS * row["mcse"], name
    row = asked.loc["Short ones vary less than long ones"].iloc[0]
    assert exact[12] > 0.999 and row["value"] > 0.99


@slow
def test_the_predictive_density_of_a_mixture_is_the_exact_one(
    run: Run, eruptions: pd.DataFrame
) -> None:
    """At a hundred durations from 1 to 6 minutes, beyond what was seen on either side.

    The error is the exact sd of the density over the root of the least effective size.
    """
    fit = run("mixture") / "eruptions/old_faithful/ordered/nuts"
    effects = pd.read_csv(fit / "effects.csv")
    assert list(effects["value"].iloc[[0, 50, 100]]) == [1, 3.5, 6]
    y, values = eruptions["minutes"].to_numpy(), effects["value"].to_numpy()

    def functions(x: Any) -> Any:
        density = np.exp(np.logaddexp(*components(values, x)))
        return np.column_stack([density, density**2])

    exact = expectation(lambda x: log_density(y, x), START, functions, 1.25)
    density, square = exact[:101], exact[101:]
    size = summary(fit).loc[PARAMETERS, ["ess_bulk", "ess_tail"]].min().min()
    error = np.sqrt((square - density**2) / size)
    assert ((effects["mean"] - density).abs() < ERRORS * error).all()
    assert density.sum() * 0.05 > 0.999  # all that there is


def log_lik(fit: Path) -> xr.DataArray:
    """Return the log likelihood of each outcome, chain × draw × outcome."""
    group = xr.open_datatree(fit / "draws.nc", engine="h5netcdf")["log_likelihood"]
    (name,) = group.data_vars
    return group[name]


@slow
def test_labels_that_switch_are_caught_and_answer_nothing(run: Run) -> None:
    """Without an order R-hat fails, the run goes on, and no answer is given of the fit.

    What does not depend on the labels is what it was with them: the log likelihood of each outcome.
    """
    results = run("mixture")
    fit = results / "labels/old_faithful/unordered/nuts"
    content = json.loads((fit / "diagnostics.json").read_text())
    failed = {check["check"] for check in content["checks"] if check["verdict"] == "fail"}
    assert content["verdict"] == "fail" and "rhat" in failed and "divergences" not in failed
    assert (summary(fit).loc[PARAMETERS, "rhat"] > 1.1).all()
    assert answers(results, "labels", "nuts")["value"].isna().all()
    report = (results / "labels/report.html").read_text()
    assert "R-hat" in report
    density = {
        name: log_lik(path) for name, path in (("unordered", fit), ("ordered", results / ORDERED))
    }
    means = {name: draws.mean(("chain", "draw")).to_numpy() for name, draws in density.items()}
    spread = density["ordered"].std(("chain", "draw")).to_numpy()
    # The errors of both, at an eighth of the 4,000 draws that are effective.
    assert (np.abs(means["unordered"] - means["ordered"]) < ERRORS * spread / np.sqrt(250)).all()


PUBLISHED = """
seed: 20261121
datasets: {mixture: {path: data/mixture.json}}
models: {ordered: {program: stan/models/mixture.stan}}
analyses:
  published: {datasets: [mixture], models: [ordered], methods: {nuts: {}}}
"""


@slow
def test_the_program_of_a_mixture_gives_a_published_posterior(tmp_path: Path, cache: Path) -> None:
    """posteriordb's low_dim_gauss_mix, whose share is that of the first component.

    Its sds have half-normal priors: each draw is weighted by the ratio of the two. A published mean
    is one of 10,000 independent draws.
    """
    folder = REFERENCE / "posteriors/low_dim_gauss_mix"
    data = json.loads((folder / "data.json").read_text())
    priors = {"prior_mean": 0, "prior_mean_sd": 2, "prior_sd": 2, "prior_sd_log": 1}
    data |= {**priors, "prior_share": 5, "N_new": 0, "y_new": []}
    program = (ROOT / "stan/models/gallery/mixture.stan").read_text()
    functions = "gallery/normal_mixture.stanfunctions"
    files = {
        "data/mixture.json": json.dumps(data),
        "stan/models/mixture.stan": program,
        f"stan/functions/{functions}": (ROOT / "stan/functions" / functions).read_text(),
    }
    project = ProjectDir.make(tmp_path / "published", cache, PUBLISHED, files)
    ended = project.stanchion("run", "--cores", "2")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    fit = project.path / "results/published/mixture/ordered/nuts"
    tree = xr.open_datatree(fit / "draws.nc", engine="h5netcdf")["posterior"]
    sigma = tree["sigma"].to_numpy()
    ratio = stats.norm(0, 2).logpdf(sigma) - stats.lognorm(1, scale=2).logpdf(sigma)
    weights = np.exp(ratio.sum(axis=-1) - ratio.sum(axis=-1).max())
    assert weights.min() > 0.5 * weights.max()  # the two priors are near one another
    reference = json.loads((folder / "reference.json").read_text())["posterior"]
    table = summary(fit)
    draws = {f"mu[{k + 1}]": tree["mu"].to_numpy()[..., k] for k in range(2)}
    draws |= {f"sigma[{k + 1}]": sigma[..., k] for k in range(2)}
    draws["theta"] = 1 - tree["share"].to_numpy()
    for name, published in reference.items():
        row = table.loc["share" if name == "theta" else name]
        error = np.hypot(row["mcse_mean"], published["sd"] / np.sqrt(published["draws"]))
        mean = np.average(draws[name], weights=weights)
        assert abs(mean - published["mean"]) < ERRORS * error, name
        sd = np.sqrt(np.average((draws[name] - mean) ** 2, weights=weights))
        assert abs(sd / published["sd"] - 1) < 0.1, name

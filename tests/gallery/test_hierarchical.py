"""Varying intercepts and slopes, against exact sums over their variances, REML and lme4."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
import xarray as xr

from tests.gallery.hierarchical_oracle import Hierarchy, half_normal
from tests.gallery.results import DATA, ERRORS, Run, answers, meets, slow, summary, verdict

pytestmark = pytest.mark.stan

PUBLISHED = {
    "alpha": 251.405,
    "beta": 10.467,
    "tau_intercept": 24.741,
    "tau_slope": 5.922,
    "rho": 0.066,
    "sigma": 25.592,
}
"""REML estimates of this table by lme4 (Bates et al. 2015, J. Statistical Software 67(1))."""


def table() -> pd.DataFrame:
    """Return the reaction times."""
    return pd.read_csv(DATA / "sleep.csv", dtype={"subject": str})


ALL_DAYS, THREE_DAYS = tuple(range(10)), (0, 4, 9)


@cache
def exact(days: tuple[int, ...] = ALL_DAYS) -> tuple[Hierarchy, dict[str, np.ndarray]]:
    """Return the posterior of the declared model, and its variances at the points of a grid.

    The points are the middles of cells, no wider than half a posterior sd; the density vanishes at
    the ends that no bound of the model makes.
    """
    ends = (
        (0, 80, 36),
        (0, 20, 36),
        (-1, 1, 31),
        ((18, 35, 24) if days == ALL_DAYS else (14, 56, 24)),
    )
    edges = [np.linspace(low, high, cells + 1) for low, high, cells in ends]
    grids = [(e[1:] + e[:-1]) / 2 for e in edges]
    intercept, slope, rho, sigma = (values.ravel() for values in np.meshgrid(*grids))
    covariance = np.empty((len(rho), 2, 2))
    covariance[:, 0, 0], covariance[:, 1, 1] = intercept**2, slope**2
    covariance[:, 0, 1] = covariance[:, 1, 0] = rho * intercept * slope
    rows = table().sort_values(["subject", "day"])
    rows = rows[rows["day"].isin(days)]
    model = Hierarchy(
        design=np.column_stack([np.ones(len(days)), np.array(days, dtype=float)]),
        outcomes=rows["reaction"].to_numpy().reshape(18, len(days)),
        prior_mean=np.array([250.0, 0.0]),
        prior_sd=np.array([50.0, 20.0]),
        covariances=covariance,
        sigma=sigma,
        # an LKJ density of shape 2 is the determinant of the correlation matrix
        log_prior=half_normal(intercept, 50)
        + half_normal(slope, 20)
        + half_normal(sigma, 50)
        + np.log1p(-(rho**2)),
    )
    named = {"tau_intercept": intercept, "tau_slope": slope, "rho": rho, "sigma": sigma}
    return model, named


def moments(days: tuple[int, ...] = ALL_DAYS) -> dict[str, tuple[float, float]]:
    """Return mean and sd of each quantity of the summary."""
    model, variances = exact(days)
    mean, covariance = model.population
    result = {name: model.moments(values) for name, values in variances.items()}
    for n, name in enumerate(("alpha", "beta")):
        result[name] = model.moments(mean[:, n], covariance[:, n, n])
    for group, subject in enumerate(sorted(table()["subject"].unique())):
        own, spread = model.group(group)
        for n, name in enumerate(("intercept", "slope")):
            label = f"{name}[subject={subject}]"
            result[label] = model.moments(own[:, n], spread[:, n, n])
    return result


def test_the_oracle_is_maximal_where_reml_is() -> None:
    """On the grid no restricted likelihood is above that at statsmodels' estimates.

    These are lme4's to the digits that were published.
    """
    fit = smf.mixedlm("reaction ~ day", table(), groups="subject", re_formula="~day").fit()
    covariance, sigma = fit.cov_re.to_numpy(), np.sqrt(fit.scale)
    sds = np.sqrt(np.diag(covariance))
    rho = covariance[0, 1] / sds.prod()
    estimates = [*fit.fe_params, *sds, rho, sigma]
    np.testing.assert_allclose(estimates, list(PUBLISHED.values()), atol=1e-3)
    model, _ = exact()
    at = Hierarchy(
        model.design,
        model.outcomes,
        model.prior_mean,
        model.prior_sd,
        covariance[None],
        np.array([sigma]),
        np.zeros(1),
    )
    np.testing.assert_allclose(at.fitted.mean(axis=0), fit.fe_params, rtol=1e-6)
    assert model.restricted.max() <= at.restricted[0] + 1e-6
    assert model.restricted.max() > at.restricted[0] - 0.5  # of points half a step away
    for days in (ALL_DAYS, THREE_DAYS):
        weights = exact(days)[0].weights.reshape(36, 36, 31, 24)
        assert all(np.take(weights, -1, axis=axis).sum() < 1e-3 for axis in (0, 1, 3))
        assert weights[..., 0].sum() < 1e-3


@slow
@pytest.mark.parametrize(
    ("fit", "days"),
    [
        ("sleep/partial_pooling", ALL_DAYS),
        ("sleep/centred", ALL_DAYS),
        ("three_days/partial_pooling", THREE_DAYS),
    ],
)
def test_both_forms_are_the_exact_posterior(run: Run, fit: str, days: tuple[int, ...]) -> None:
    """Means and sds of the population, the variances and all 18 subjects, within their errors."""
    folder = run("hierarchical") / f"forms/{fit}/nuts"
    assert verdict(folder) == "pass"
    expected = pd.DataFrame(moments(days), index=["mean", "sd"]).T
    rows = summary(folder).loc[expected.index]
    assert meets(rows, expected["mean"], expected["sd"])


@slow
def test_few_rows_of_a_subject_fail_the_centred_form(run: Run) -> None:
    """Three days give it divergences, and no answer; ten give it more draws' worth than the other.

    Per leapfrog step, which no other work of the machine changes: twice as many at the least.
    """
    results = run("hierarchical") / "forms"
    assert verdict(results / "three_days/centred/nuts") == "fail"
    assert number(results / "three_days/centred/nuts", "divergences") >= 5
    assert number(results / "three_days/partial_pooling/nuts", "divergences") == 0
    asked = answers(run("hierarchical"), "forms", "nuts").loc["Slowing a day"]
    given = asked.set_index(["dataset", "model"])["value"]
    assert np.isnan(given["three_days", "centred"]) and given.notna().sum() == 3
    worth = {}
    for model in ("centred", "partial_pooling"):
        fit = results / f"sleep/{model}/nuts"
        steps = xr.open_datatree(fit / "draws.nc", engine="h5netcdf")["sample_stats"]["n_steps"]
        worth[model] = number(fit, "ess_bulk") / float(steps.sum())
    assert worth["centred"] > 2 * worth["partial_pooling"]


def number(fit: Path, check: str) -> float:
    """Return the value of a fit's check."""
    content = json.loads((fit / "diagnostics.json").read_text())
    (value,) = (row["value"] for row in content["checks"] if row["check"] == check)
    return float(value)


@slow
def test_the_posterior_is_about_reml(run: Run) -> None:
    """Means of the population are REML's but for what the prior pulls; its sds are likely ones.

    The prior's pull is (standard error / prior sd)² of the way to its mean; twice that, since the
    standard error is not known.
    """
    rows = summary(run("hierarchical") / "sleep/sleep/partial_pooling/nuts")
    errors = {"alpha": 6.825, "beta": 1.546}  # of lme4's estimates
    priors = {"alpha": (250, 50), "beta": (0, 20)}
    for name, error in errors.items():
        mean, sd = priors[name]
        pull = 2 * (error / sd) ** 2 * abs(PUBLISHED[name] - mean)
        off = abs(rows.loc[name, "mean"] - PUBLISHED[name])
        assert off < pull + ERRORS * rows.loc[name, "mcse_mean"]
    for name in ("tau_intercept", "tau_slope", "rho", "sigma"):
        assert rows.loc[name, "q5"] < PUBLISHED[name] < rows.loc[name, "q95"]


@slow
def test_no_and_full_pooling_are_least_squares(run: Run) -> None:
    """Slopes of each subject alone, and of all as one, but for wide priors' pull.

    Of no pooling it is below (3 / 200)², of full pooling (1.2 / 20)² of the slope.
    """
    results, rows = run("hierarchical") / "sleep/sleep", table()
    alone = rows.groupby("subject").apply(lambda g: np.polyfit(g["day"], g["reaction"], 1)[0])
    no, full = (summary(results / f"{m}_pooling/nuts") for m in ("no", "full"))
    labels = [f"slope[subject={subject}]" for subject in alone.index]
    assert verdict(results / "no_pooling/nuts") == verdict(results / "full_pooling/nuts") == "pass"
    limit = ERRORS * no.loc[labels, "mcse_mean"] + (3 / 200) ** 2 * abs(alone.to_numpy())
    assert (abs(no.loc[labels, "mean"] - alone.to_numpy()) < limit).all()
    slope = np.polyfit(rows["day"], rows["reaction"], 1)[0]
    limit = ERRORS * full.loc["beta", "mcse_mean"] + (1.3 / 20) ** 2 * slope
    assert abs(full.loc["beta", "mean"] - slope) < limit
    assert full.loc[labels, "mean"].nunique() == 1


@slow
def test_a_new_subject_is_predicted_as_exactly_known(run: Run) -> None:
    """Mean and ends of the interval on day 9, and the probability of a negative slope.

    Outcomes of new subjects are all but independent: 2,000 of 4,000 draws are counted for the ends.
    """
    model, _ = exact()
    mean, covariance = model.new_group()
    x = np.array([1.0, 9.0])
    expected = mean @ x
    variance = np.einsum("i,pij,j->p", x, covariance, x) + model.sigma**2
    asked = answers(run("hierarchical"), "new_subject", "nuts")
    row = asked.loc["Reaction time on day 9"].iloc[0]
    assert abs(row["value"] - model.moments(expected)[0]) < ERRORS * row["mcse"]
    error = np.sqrt(0.05 * 0.95 / 2000)
    for end, probability in (("lower", 0.05), ("upper", 0.95)):
        assert abs(model.below(row[end], expected, variance) - probability) < ERRORS * error
    row = asked.loc["A new person gets faster"].iloc[0]
    negative = model.below(0.0, mean[:, 1], covariance[:, 1, 1])
    assert abs(row["value"] - negative) < ERRORS * row["mcse"]


@slow
def test_a_subject_s_probability_is_the_exact_one(run: Run) -> None:
    """That subject 335 gets faster, which no pooling holds likely and full pooling excludes."""
    model, _ = exact()
    subjects = sorted(table()["subject"].unique())
    own, spread = model.group(subjects.index("335"))
    negative = model.below(0.0, own[:, 1], spread[:, 1, 1])
    asked = answers(run("hierarchical"), "sleep", "nuts").loc["Subject 335 gets faster"]
    by_model = asked.set_index("model")
    row = by_model.loc["partial_pooling"]
    assert abs(row["value"] - negative) < ERRORS * row["mcse"]
    assert by_model.loc["no_pooling", "value"] > negative > by_model.loc["full_pooling", "value"]


def shown(report: Path) -> str:
    """Return the part of a report with all models together."""
    text = report.read_text()
    (part,) = re.findall(r"<h3>All models.*?</article>", text, re.DOTALL)
    return str(part)


@slow
def test_three_poolings_share_a_picture(run: Run) -> None:
    """Each subject has a line of each model, largest slope first by no pooling."""
    part = shown(run("hierarchical") / "sleep/report.html")
    legend = part.split("</ul>")[0]
    assert re.findall(r"</svg> (\w+)", legend) == ["no_pooling", "partial_pooling", "full_pooling"]
    subjects = re.findall(r'<span title="slope\[subject=(\d+)\]"', part)
    rows = table()
    alone = rows.groupby("subject").apply(lambda g: np.polyfit(g["day"], g["reaction"], 1)[0])
    assert sorted(subjects) == sorted(alone.index)
    assert (subjects[0], subjects[-1]) == (alone.idxmax(), alone.idxmin())
    assert part.split("</ul>")[1].count('href="#mark-') == 3 * 18

"""Five means of twenty, against exact sums over the variances, REML and the truth."""

from __future__ import annotations

from functools import cache
from runpy import run_path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from tests.gallery.hierarchical_oracle import Hierarchy, half_normal
from tests.gallery.results import DATA, ERRORS, Run, answers, meets, slow, summary, verdict

pytestmark = pytest.mark.stan

VARIETIES = list("ABCDE")
THETA = [f"theta[variety={variety}]" for variety in VARIETIES]


def yields() -> np.ndarray:
    """Return the yields, `variety × plot`."""
    table = pd.read_csv(DATA / "barley.csv").sort_values(["variety", "plot"])
    return table["yield"].to_numpy().reshape(5, 20)


@cache
def exact() -> tuple[Hierarchy, np.ndarray]:
    """Return the posterior of the declared model, and the sd among varieties at its points.

    The points are the middles of cells: the density does not vanish at an sd of zero.
    """
    edges = np.linspace(0, 2.5, 2501), np.linspace(0.4, 0.8, 61)
    tau, sigma = (values.ravel() for values in np.meshgrid(*((e[1:] + e[:-1]) / 2 for e in edges)))
    model = Hierarchy(
        design=np.ones((20, 1)),
        outcomes=yields(),
        prior_mean=np.array([5.0]),
        prior_sd=np.array([2.0]),
        covariances=(tau**2)[:, None, None],
        sigma=sigma,
        log_prior=half_normal(tau, 0.5) + half_normal(sigma, 1),
    )
    return model, tau


@cache
def draws() -> np.ndarray:
    """Return independent draws of the five means from the exact posterior, `draw × variety`."""
    model, tau = exact()
    rng = np.random.default_rng(1)
    points = rng.choice(len(tau), size=400_000, p=model.weights)
    mean, covariance = (values[points] for values in model.population)
    mu = rng.normal(mean[:, 0], np.sqrt(covariance[:, 0, 0]))[:, None]
    variance = tau[points, None] ** 2
    share = variance / model.spread[points, 0, 0][:, None]
    centre = mu + share * (model.fitted[:, 0] - mu)
    return np.asarray(rng.normal(centre, np.sqrt((1 - share) * variance)))


def test_the_oracle_of_means_is_maximal_where_reml_is() -> None:
    """The restricted likelihood on the grid is highest next to statsmodels' estimates."""
    table = pd.read_csv(DATA / "barley.csv").rename(columns={"yield": "t"})
    fit = smf.mixedlm("t ~ 1", table, groups="variety").fit()
    model, tau = exact()
    best = model.restricted.argmax()
    assert abs(tau[best] - np.sqrt(fit.cov_re.to_numpy()[0, 0])) < 0.002
    assert abs(model.sigma[best] - np.sqrt(fit.scale)) < 0.007
    np.testing.assert_allclose(model.fitted.mean(), fit.fe_params.to_numpy(), rtol=1e-6)
    assert model.weights.reshape(60, 2500)[[0, -1]].sum() < 1e-3
    mean, spread = model.group(4)
    assert abs(draws()[:, 4].mean() - model.moments(mean[:, 0], spread[:, 0, 0])[0]) < 1e-3


@slow
def test_group_means_are_the_exact_posterior(run: Run) -> None:
    """Means and sds of the population, the variances and the five varieties."""
    fit = run("group_means") / "group_means/barley/partial_pooling/nuts"
    assert verdict(fit) == "pass"
    model, tau = exact()
    mean, covariance = model.population
    expected = {
        "mu": model.moments(mean[:, 0], covariance[:, 0, 0]),
        "tau": model.moments(tau),
        "sigma": model.moments(model.sigma),
    }
    for number, label in enumerate(THETA):
        own, spread = model.group(number)
        expected[label] = model.moments(own[:, 0], spread[:, 0, 0])
    values = pd.DataFrame(expected, index=["mean", "sd"]).T
    assert meets(summary(fit).loc[values.index], values["mean"], values["sd"])


@slow
def test_means_without_pooling_are_those_of_the_groups(run: Run) -> None:
    """Each is its group's mean; pooling draws the extreme ones inwards, as the posterior says."""
    results, means = run("group_means") / "group_means/barley", yields().mean(axis=1)
    alone = summary(results / "no_pooling/nuts").loc[THETA]
    assert verdict(results / "no_pooling/nuts") == "pass"
    assert (abs(alone["mean"] - means) < ERRORS * alone["mcse_mean"]).all()
    pooled = summary(results / "partial_pooling/nuts").loc[THETA]
    assert np.ptp(pooled["mean"]) < np.ptp(alone["mean"]) - 0.05


@slow
def test_answers_of_means_are_the_exact_ones(run: Run) -> None:
    """The best variety, order, differences and their rope, against 400,000 independent draws.

    Errors of these are a tenth of the answers' own, and are added.
    """
    rows = answers(run("group_means"), "group_means", "nuts")
    rows = rows[rows["model"] == "partial_pooling"]
    theta = draws()
    best = np.bincount(theta.argmax(axis=1), minlength=5) / len(theta)
    difference = theta[:, 4] - theta[:, 3], theta[:, 4] - theta[:, 0]
    expected = {
        ("E over D", ""): difference[0].mean(),
        ("E over A", ""): difference[1].mean(),
        ("E over D", "within [-0.1, 0.1]"): (abs(difference[0]) <= 0.1).mean(),
        ("D and E yield more than A", ""): (theta[:, 3:].min(axis=1) > theta[:, 0]).mean(),
        ("From A to E each yields more than the one before", ""): (np.diff(theta, axis=1) > 0)
        .all(axis=1)
        .mean(),
    }
    for variety, probability in zip(VARIETIES, best, strict=True):
        expected["Best variety", f"variety={variety}"] = probability
    for key, value in expected.items():
        row = rows.loc[key]
        assert abs(row["value"] - value) < 1.1 * ERRORS * row["mcse"], key


@slow
def test_the_truth_is_recovered(run: Run) -> None:
    """All five true means lie within three posterior sds, and most within the 90 % interval.

    Of 5 independent intervals 3 or more hold the truth with probability 0.99. Three sds of all
    means and of the residual sd hold it with probability 0.98.
    """
    script = run_path(str(DATA / "simulate_group_means.py"))
    truth = np.array([script["MEANS"][variety] for variety in VARIETIES])
    fit = run("group_means") / "group_means/barley/partial_pooling/nuts"
    rows = summary(fit)
    theta = rows.loc[THETA]
    assert (abs(theta["mean"] - truth) < 3 * theta["sd"]).all()
    assert ((theta["q5"] < truth) & (truth < theta["q95"])).sum() >= 3
    assert abs(rows.loc["sigma", "mean"] - script["SCATTER"]) < 3 * rows.loc["sigma", "sd"]

"""Terrain ruggedness and income, against what was published and sums over a grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.gallery.results import ERRORS, Run, answers, slow, summary, verdict

pytestmark = pytest.mark.stan


PUBLISHED = {
    "beta[Intercept]": (9.182, 0.135),
    "beta[cont_africa]": (-1.848, 0.218),
    "beta[rugged]": (-0.183, 0.078),
    "beta[cont_africa:rugged]": (0.348, 0.127),
    "sigma": (0.952, 0.052),
}
"""Means and sds of 1,000 draws by NUTS, in Pyro's tutorial of the same model and priors.

"Bayesian Regression - Inference Algorithms (Part 2)", version 1.8.4, below "HMC".
"""


@slow
def test_ruggedness_is_what_was_published(run: Run) -> None:
    """Means within 4 errors of a published run of 1,000 draws, of which 250 count; sds within 15 %.

    The sd of an sd is a 22nd of it at 250 effective draws: 4 of them would be 18 %.
    """
    fit = run("ruggedness") / "ruggedness/countries/interaction/nuts"
    assert verdict(fit) == "pass"
    table = summary(fit)
    for name, (mean, sd) in PUBLISHED.items():
        row = table.loc[name]
        error = np.hypot(row["mcse_mean"], sd / np.sqrt(250))
        assert abs(row["mean"] - mean) < ERRORS * error, name
        assert abs(row["sd"] / sd - 1) < 0.15, name


def countries(path: Path) -> tuple[Any, Any]:
    """Return design and log income of the countries that have one."""
    table = pd.read_csv(path, sep=";").dropna(subset=["rgdppc_2000"])
    africa, rugged = table["cont_africa"], table["rugged"]
    design = np.column_stack([np.ones(len(table)), africa, rugged, africa * rugged])
    return design, np.log(table["rgdppc_2000"].to_numpy())


def exact_means(design: Any, y: Any) -> Any:
    """Return the posterior means of the coefficients.

    Given sigma they are normal, and what the data say of sigma is a normal density of the outcome:
    both in closed form, so that one sum over a grid of sigma is left.
    """
    prior = np.diag([100.0, 1.0, 1.0, 1.0])
    weights, means = [], []
    for sigma in np.linspace(0.6, 1.6, 400):
        precision = design.T @ design / sigma**2 + np.linalg.inv(prior)
        means.append(np.linalg.solve(precision, design.T @ y / sigma**2))
        covariance = design @ prior @ design.T + sigma**2 * np.eye(len(y))
        weights.append(stats.multivariate_normal(cov=covariance).logpdf(y))
    return np.average(means, axis=0, weights=np.exp(np.array(weights) - max(weights)))


@slow
def test_slopes_of_ruggedness_are_the_exact_ones(run: Run, shared: Path) -> None:
    """Coefficients and answers within their errors; the published slopes have opposite signs."""
    results = run("ruggedness")
    mean = exact_means(*countries(shared / "data/rugged.csv"))
    table = summary(results / "ruggedness/countries/interaction/nuts").iloc[:4]
    assert list(table.index) == list(PUBLISHED)[:4]
    assert ((table["mean"] - mean).abs() < ERRORS * table["mcse_mean"]).all()
    asked = answers(results, "ruggedness", "nuts")
    for answer, slope in (
        ("Slope outside Africa", mean[2]),
        ("Slope in Africa", mean[2] + mean[3]),
    ):
        row = asked.loc[answer].iloc[0]
        assert abs(row["value"] - slope) < ERRORS * row["mcse"]
    assert asked.loc["The slope is greater in Africa"].iloc[0]["value"] > 0.99


@slow
def test_independent_normals_are_too_narrow_for_ruggedness(run: Run, shared: Path) -> None:
    """Mean-field ADVI has the sds of each coefficient with the others held, and fails its check."""
    results = run("ruggedness") / "ruggedness/countries/interaction"
    assert verdict(results / "meanfield") == "fail"
    names = list(PUBLISHED)[:4]
    design, _ = countries(shared / "data/rugged.csv")
    sd, exact = (summary(results / m).loc[names, "sd"].to_numpy() for m in ("meanfield", "nuts"))
    held = 1 / np.sqrt(np.diag(design.T @ design) / PUBLISHED["sigma"][0] ** 2)
    assert (np.abs(sd / held - 1) < 0.25).all()
    assert (sd < 0.75 * exact).all()

"""Chains that start at Pathfinder's draws, in superchains and with another fit's metric; auto."""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from tests.project import REFERENCE, ProjectDir
from tests.stan.declared import run_declaration

pytestmark = pytest.mark.stan

SCHOOLS = REFERENCE / "posteriors/eight_schools_noncentered"
N, K, PRIOR_SD = 40, 3, 2.0
EXPECTED = {
    "mu": (1000, 100),
    "sigma": (np.exp(0.005), np.exp(0.005) * sqrt(np.exp(0.01) - 1)),
    "share[1]": (2 / 7, sqrt(20 * 50 / 70**2 / 71)),
    "share[3]": (3 / 7, sqrt(30 * 40 / 70**2 / 71)),
    "L[2,1]": (0, sqrt(1 / 5)),
    "cut[1]": (-1 / sqrt(np.pi), sqrt(1 - 1 / np.pi)),
    "cut[2]": (1 / sqrt(np.pi), sqrt(1 - 1 / np.pi)),
    "x[1]": (0, 0.001),
}
"""Means and sds: of a lognormal, a Dirichlet, an LKJ correlation of 2 × 2, and the lesser and the
greater of two standard normals."""


@pytest.fixture(scope="module")
def line() -> dict[str, Any]:
    """A regression with correlated predictors."""
    rng = np.random.default_rng(20261121)
    predictors = 0.7 * rng.normal(size=(N, 1)) + rng.normal(size=(N, K))
    outcome = predictors @ [1.0, -0.5, 0.25] + rng.normal(size=N)
    return {"N": N, "K": K, "X": predictors.tolist(), "y": outcome.tolist()}


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, line: dict[str, Any]
) -> ProjectDir:
    """The declaration, run."""
    data = {
        "line.json": json.dumps(line),
        "section.json": json.dumps({"K": 9}),
        "nothing.json": "{}",
        "eight_schools_noncentered.json": (SCHOOLS / "data.json").read_text(),
    }
    folder = tmp_path_factory.mktemp("starts") / "project"
    return run_declaration(folder, cache, "starts.yaml", data)


def results(project: ProjectDir, fit: str) -> tuple[pd.DataFrame, dict[str, Any], dict[str, Any]]:
    """Return a fit's summary by variable, its diagnostics, and the checks in them by name."""
    folder = project.path / "results" / fit
    content = json.loads((folder / "diagnostics.json").read_text())
    checks = {check["check"]: check for check in content["checks"]}
    return pd.read_csv(folder / "summary.csv", index_col="variable"), content, checks


def warmup_steps(project: ProjectDir, fit: str) -> float:
    """Return the leapfrog steps of all chains in their warm-up."""
    path = project.path / "results" / fit / "draws.nc"
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        return float(tree["warmup_sample_stats"]["n_steps"].sum())


def test_auto_ends_in_pathfinder_for_a_normal_posterior(
    project: ProjectDir, line: dict[str, Any]
) -> None:
    """Its resampled draws are the answer, within 4 of their Monte Carlo errors.

    Of 6 seeds k̂ refused 2, which end in NUTS.
    """
    summary, content, _ = results(project, "exact/line/known/auto")
    (tried,) = content["attempts"]["tried"]
    assert content["attempts"]["method"] == "pathfinder" and content["verdict"] == "pass"
    assert 4 * 3 <= tried["gradients"] < 4 * 100
    predictors = np.array(line["X"])
    covariance = np.linalg.inv(predictors.T @ predictors + np.eye(K) / PRIOR_SD**2)
    mean = covariance @ predictors.T @ np.array(line["y"])
    assert ((summary["mean"] - mean).abs() < 4 * summary["mcse_mean"]).all()
    deviation = (summary["sd"] - np.sqrt(np.diag(covariance))).abs()
    assert (deviation < 4 * summary["mcse_sd"]).all()


def test_auto_ends_in_nuts_for_a_funnel(project: ProjectDir) -> None:
    """Pathfinder's paths or k̂ speak against it, and the checks of NUTS say what its chains show."""
    _, content, checks = results(project, "hard/section/funnel/auto")
    attempts = content["attempts"]
    assert attempts["method"] == "nuts" and attempts["settings"]["init"] == "pathfinder"
    approximation, starts, _ = attempts["tried"]
    assert not approximation["passed"] and approximation["gradients"] > 0
    assert starts["because"].startswith("the starts are draw 1 of path 1, ")
    assert "weaker evidence" in checks["rhat"]["note"] and "khat" not in checks
    assert (
        "How section/funnel/auto was sampled"
        in (project.path / "results/hard/report.html").read_text()
    )


def test_eight_schools_from_pathfinder_s_draws_agree_with_the_reference(
    project: ProjectDir,
) -> None:
    """Means within 4 standard errors of the long, checked runs, theirs and ours; sds by 10 %."""
    reference = pd.DataFrame(json.loads((SCHOOLS / "reference.json").read_text())["posterior"]).T
    summary, content, _ = results(project, "reference/schools/eight_schools_noncentered/nuts")
    ours = summary.loc[reference.index]
    error = np.sqrt(ours["mcse_mean"] ** 2 + reference["sd"] ** 2 / reference["draws"])
    assert ((ours["mean"] - reference["mean"]).abs() < 4 * error).all()
    assert (ours["sd"] / reference["sd"]).between(0.9, 1.1).all()
    assert content["attempts"]["tried"][0]["gradients"] > 0


@pytest.mark.parametrize("method", ["plain", "taken", "nuts", "groups"])
def test_parameters_of_every_scale_are_met(project: ProjectDir, method: str) -> None:
    """Simplexes, Cholesky factors and ordered vectors go through files of initial values."""
    summary, content, _ = results(project, f"constrained/nothing/constrained/{method}")
    assert content["verdict"] == "pass", content
    for name, (mean, sd) in EXPECTED.items():
        row = summary.loc[name]
        assert abs(row["mean"] - mean) < 4 * row["mcse_mean"], name
        assert abs(row["sd"] - sd) < 4 * row["mcse_sd"], name


def test_superchains_are_held_to_nested_rhat(project: ProjectDir) -> None:
    """Eight chains in four groups, each of which starts at one point within ± 2."""
    _, content, checks = results(project, "constrained/nothing/constrained/groups")
    assert checks["nested_rhat"]["verdict"] == "pass" and "rhat" not in checks
    assert "within ± 2" in content["attempts"]["tried"][0]["because"]


def test_a_metric_of_another_fit_spares_most_of_the_warm_up(project: ProjectDir) -> None:
    """Scales that differ by 10⁵ take the sampler long trees until it has learnt them."""
    plain, taken = (
        warmup_steps(project, f"constrained/nothing/constrained/{name}")
        for name in ("plain", "taken")
    )
    assert taken < plain / 4  # 43,011 and 383,424 leapfrog steps

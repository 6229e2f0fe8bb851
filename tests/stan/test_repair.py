"""Declared repair of fits that go wrong: right, or a fit that fails and says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.project import ProjectDir
from tests.stan.declared import read_summary, run_declaration

pytestmark = pytest.mark.stan

SCHOOLS = {
    "J": 8,
    "y": [28, 8, -3, 7, -1, 1, 18, 12],
    "sigma": [15, 10, 16, 11, 9, 11, 10, 18],
}
MCSES = 4.0
"""Monte Carlo standard errors that a mean may lie from the exact one: of the dozen means here one
does so by chance once in a thousand times, and the seed is fixed."""


@pytest.fixture(scope="module")
def repaired(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> ProjectDir:
    """Three analyses that go wrong in three ways, each with its repair declared."""
    data = {
        "schools.json": json.dumps(SCHOOLS),
        "modes.json": json.dumps({"log_odds": 7}),
        "edge.json": json.dumps({"begin": 1.96}),
    }
    return run_declaration(tmp_path_factory.mktemp("repair") / "p", cache, "repair.yaml", data)


def diagnostics(project: ProjectDir, of: str) -> dict[str, Any]:
    path = project.path / "results" / of / "nuts/diagnostics.json"
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def check(judged: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in judged["checks"] if c["check"] == name)
    return found


def exact_schools() -> dict[str, float]:
    """Means of mu and tau: given tau all is normal, and tau is summed over a grid."""
    y, sigma = np.array(SCHOOLS["y"], float), np.array(SCHOOLS["sigma"], float)
    tau = (np.arange(200_000) + 0.5) / 1000  # points
    precision = 1 / (sigma**2 + tau[:, None] ** 2)
    total = precision.sum(axis=1) + 1 / 25
    mean = (precision * y).sum(axis=1) / total
    log_density = (
        0.5 * np.log(precision).sum(axis=1)
        - 0.5 * np.log(total)
        - 0.5 * (precision * y**2).sum(axis=1)
        + 0.5 * mean**2 * total
        - np.log1p((tau / 5) ** 2)
    )
    weights = np.exp(log_density - log_density.max())
    weights /= weights.sum()
    return {"mu": float(weights @ mean), "tau": float(weights @ tau)}


def misses(summary: pd.DataFrame, exact: dict[str, float]) -> dict[str, float]:
    """How far each mean is from the exact one, in Monte Carlo standard errors."""
    return {
        name: abs(summary.loc[name, "mean"] - mean) / summary.loc[name, "mcse_mean"]
        for name, mean in exact.items()
    }


def test_divergences_step_adapt_delta_up(repaired: ProjectDir) -> None:
    """The centred eight schools are refitted, never pass, and are right or fail and say why."""
    judged = diagnostics(repaired, "divergent/schools/centred")
    tried = judged["attempts"]["tried"]
    assert [attempt["name"] for attempt in tried[:2]] == ["as declared", "adapt_delta 0.9"]
    assert "divergence" in tried[0]["because"] and not tried[0]["passed"]
    assert judged["attempts"]["settings"]["adapt_delta"] in (0.9, 0.99)
    assert check(judged, "attempts")["verdict"] == "warn"
    assert judged["verdict"] in ("warn", "fail")
    if judged["verdict"] == "warn":
        summary = read_summary(repaired, "divergent", "schools", "centred")
        assert max(misses(summary, exact_schools()).values()) < MCSES
    else:
        failed = {c["check"] for c in judged["checks"] if c["verdict"] == "fail"}
        assert failed & {"divergences", "ess_bulk", "ess_tail", "rhat", "ebfmi"}
    report = (repaired.path / "results/divergent/report.html").read_text()
    assert "adapt_delta 0.9" in report and tried[0]["because"] in report


def test_stuck_chain_is_given_up_and_shown(repaired: ProjectDir) -> None:
    """Two chains begin in the far mode and start anew: the fit warns, and says what they were."""
    judged = diagnostics(repaired, "stuck/modes/two_modes")
    tried = judged["attempts"]["tried"]
    given_up = [attempt for attempt in tried if attempt["because"].startswith("stuck")]
    assert {attempt["name"] for attempt in given_up} >= {"chain 1", "chain 2"}
    assert judged["verdict"] == "warn"
    assert all("started anew at draw" in attempt["because"] for attempt in given_up)
    assert len(judged["attempts"]["retries"]) == len(given_up)
    summary = read_summary(repaired, "stuck", "modes", "two_modes")
    assert max(misses(summary, {"x": -6.0, "y": 0.0, "z": 0.0}).values()) < MCSES
    report = (repaired.path / "results/stuck/report.html").read_text()
    assert "mean lp__ of the second half" in report


def test_failed_initialisation_is_mended_by_a_derived_seed(repaired: ProjectDir) -> None:
    """Chains that found no start have another seed; the fit is right, and warns."""
    judged = diagnostics(repaired, "unstarted/edge/narrow_start")
    assert judged["verdict"] == "warn"
    assert judged["attempts"]["retries"]
    seeds = judged["attempts"]["tried"][-1]["settings"]
    assert seeds and all(name.startswith("seed of chain") for name in seeds)
    summary = read_summary(repaired, "unstarted", "edge", "narrow_start")
    assert max(misses(summary, {"x": 8.0}).values()) < MCSES

"""Posteriors whose answer is known, fitted as declared analyses.

The tolerance is that of the reference: means within 4 standard errors, theirs and ours, and
standard deviations within 10 %. Where a posterior has no variance, the width between its 5 and 95 %
quantiles stands for the standard deviation. The seed is fixed by the declarations.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.project import REFERENCE, ProjectDir
from tests.stan.declared import read_summary, run_declaration

POSTERIORS = REFERENCE / "posteriors"
NAMED = ("eight_schools_noncentered", "kidscore_interaction", "arK", "low_dim_gauss_mix")
HEAVY_TAILED = ("K_m", "V_m")  # under Cauchy priors, with their ratio alone known: no variance
SLOW = ("lotka_volterra", "gp_regr", "hmm_example", "one_comp_mm_elim_abs")

pytestmark = pytest.mark.stan


def _run(folder: Path, cache: Path, declaration: str, names: tuple[str, ...]) -> ProjectDir:
    data = {f"{name}.json": (POSTERIORS / name / "data.json").read_text() for name in names}
    return run_declaration(folder, cache, declaration, data)


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> ProjectDir:
    """A project in which the quick reference posteriors were fitted."""
    return _run(tmp_path_factory.mktemp("named") / "project", cache, "reference.yaml", NAMED)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> ProjectDir:
    """A project in which the slow reference posteriors were fitted."""
    if "STANCHION_SLOW_TESTS" not in os.environ:
        pytest.skip("takes minutes more; set STANCHION_SLOW_TESTS=1")
    return _run(tmp_path_factory.mktemp("slow") / "project", cache, "reference_slow.yaml", SLOW)


def _assert_agrees(project: ProjectDir, name: str) -> None:
    reference = pd.DataFrame(
        json.loads((POSTERIORS / name / "reference.json").read_text())["posterior"]
    ).T
    ours = read_summary(project, name, name, name).loc[reference.index]
    error = np.sqrt(ours["mcse_mean"] ** 2 + reference["sd"] ** 2 / reference["draws"])
    distance = (ours["mean"] - reference["mean"]).abs() / error
    ratio = ours["sd"] / reference["sd"]
    width = (ours["q95"] - ours["q5"]) / (reference["q95"] - reference["q05"])
    ratio.update(width[width.index.isin(HEAVY_TAILED)])
    assert (distance < 4).all(), f"means off by standard errors:\n{distance}"
    assert ratio.between(0.9, 1.1).all(), f"ratio of spreads:\n{ratio}"


@pytest.mark.parametrize("name", NAMED)
def test_named_posteriors_agree_with_their_reference(named: ProjectDir, name: str) -> None:
    """Means and standard deviations of each parameter are those of long, checked runs."""
    _assert_agrees(named, name)


@pytest.mark.parametrize("name", SLOW)
def test_slow_posteriors_agree_with_their_reference(slow: ProjectDir, name: str) -> None:
    """Differential equations, a Gaussian process and a hidden Markov model agree too."""
    _assert_agrees(slow, name)

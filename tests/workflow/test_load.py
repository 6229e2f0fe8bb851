"""`stanchion.load` on results of a real run: draws, comparison, and what makes them stale."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from arviz_stats import loo

import stanchion
from stanchion.api import Analysis
from stanchion.errors import AlteredError, StaleError
from tests.project import ProjectDir
from tests.workflow.conftest import PROGRAM, VALUES

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]


@pytest.fixture
def loaded(project: ProjectDir, monkeypatch: pytest.MonkeyPatch) -> Analysis:
    """The analysis of the project, which is the current folder."""
    monkeypatch.setenv("STANCHION_CACHE", str(project.cache))
    monkeypatch.chdir(project.path)
    return stanchion.load("results/means")


def test_a_real_run_is_loaded_as_it_was_made(loaded: Analysis, project: ProjectDir) -> None:
    """NUTS gives the posterior within five of its errors; ArviZ's LOO is that of the comparison."""
    assert list(loaded.fits) == [
        f"points/{model}/{method}" for model in ("wide", "narrow") for method in ("nuts", "advi")
    ]
    fit = loaded["wide/nuts"]
    assert fit.verdict in ("pass", "warn") and fit.state == "current"
    row, precision = fit.summary.loc["mu"], 10**-2.0 + len(VALUES)
    assert abs(row["mean"] - sum(VALUES) / precision) < 5 * row["mcse_mean"]
    assert fit.draws["posterior"].sizes == {"chain": 4, "draw": 500}
    assert np.allclose(row["mean"], fit.draws["posterior"]["mu"].mean(), rtol=1e-12)
    assert loaded.comparison is not None
    compared = loaded.comparison.set_index(["model", "method"])
    # The relative efficiency that ArviZ takes by default is not that of the comparison
    assert compared.loc[("wide", "nuts"), "elpd"] == pytest.approx(loo(fit.draws).elpd, abs=1e-4)
    assert loaded["narrow/advi"].draws["posterior"]["mu"].size
    shutil.rmtree(project.path / ".stanchion")
    assert len(stanchion.load("results/means")) == 4


def test_an_edit_of_a_program_makes_stale_and_a_comment_does_not(
    loaded: Analysis, project: ProjectDir
) -> None:
    """A comment changes nothing; another prior is named with its program; of draws every byte."""
    wide = PROGRAM.replace("PRIOR", "10")
    project.write("stan/wide.stan", f"// The prior is wide.\n{wide}")
    assert len(stanchion.load("results/means")) == 4
    project.write("stan/wide.stan", PROGRAM.replace("PRIOR", "9"))
    with pytest.raises(StaleError, match=r"stan/wide\.stan: stale: compile_program ran with other"):
        stanchion.load("results/means")
    states = {fit.name: fit.state for fit in stanchion.load("results/means", allow_stale=True)}
    assert states == {name: "stale" if "wide" in name else "current" for name in loaded.fits}
    project.write("stan/wide.stan", wide)
    draws = project.path / "results/means/points/wide/nuts/draws.nc"
    content = bytearray(draws.read_bytes())
    content[-100] ^= 1
    draws.write_bytes(content)
    with pytest.raises(AlteredError, match=r"wide/nuts/draws\.nc"):
        stanchion.load("results/means")

"""Quantities generated after a fit: predictions of new rows, and programs of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from tests.project import ProjectDir
from tests.stan.declared import HERE

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]

Y, X, NEW = (0.5, -0.25, 1.0, 0.25), (1.0, 2.0, 3.0, 6.0), (3.0, 5.0, 13.0)
CHAINS, DRAWS = 4, 250
PROGRAMS = ("kinds", "kinds_again")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[ProjectDir, str]:
    """The project after a run, and what the run said; one fit's quantities are refused."""
    points = "".join(f"{y},{x}\n" for y, x in zip(Y, X, strict=True))
    files = {
        **{
            f"stan/models/{name}.stan": (HERE / f"programs/{name}.stan").read_text()
            for name in PROGRAMS
        },
        "data/points.csv": f"y,x\n{points}",
        "data/new.csv": "x\n" + "".join(f"{x}\n" for x in NEW),
    }
    text = (HERE / "declarations/quantities.yaml").read_text()
    folder = tmp_path_factory.mktemp("quantities") / "project"
    project = ProjectDir.make(folder, cache, text, files)
    completed = project.stanchion("run", "--cores", "2")
    assert completed.returncode == 1, completed.stdout + completed.stderr
    return project, completed.stdout + completed.stderr


@pytest.fixture(scope="module")
def project(ended: tuple[ProjectDir, str]) -> ProjectDir:
    return ended[0]


def read(project: ProjectDir, fit: str) -> Any:
    path = project.path / "results" / fit / "draws.nc"
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        return tree.load()


def test_new_rows_are_predicted_by_the_constants_of_the_fitted(project: ProjectDir) -> None:
    """y_new − mu − x_new is standard normal noise, of each chain its own, for rows centred by 3.

    Its mean may differ from 0 by five standard errors, as may correlations of two chains; what the
    program makes of a prediction is of the same draw.
    """
    fit = read(project, "kinds/points/kinds/nuts")
    assert fit["constant_data"]["x_new"].values.tolist() == [x - np.mean(X) for x in NEW]
    predicted, posterior = fit["predictions"]["y_new"].values, fit["posterior"]
    noise = predicted - posterior["mu"].values[..., None] - (np.array(NEW) - np.mean(X))
    assert noise.shape == (CHAINS, DRAWS, len(NEW))
    assert np.abs(noise.mean((0, 1))).max() < 5 / np.sqrt(CHAINS * DRAWS)
    assert abs(noise.std() - 1) < 5 / np.sqrt(2 * noise.size)
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 5 / np.sqrt(noise[0].size)
    np.testing.assert_allclose(posterior["middle"], predicted.mean(-1), rtol=1e-12)


def test_an_edit_of_the_new_rows_samples_nothing(project: ProjectDir) -> None:
    """Chains come from the cache; predictions have another row, and parameters the same bits."""
    before, records = read(project, "kinds/points/kinds/nuts"), project.records()
    project.edit("data/new.csv", "13.0\n", "13.0\n1.5\n")
    project.stanchion("run", "kinds", "--cores", "2")
    ran = {name.partition(".")[0] for name in project.ran(records)}
    assert ran == {
        "prepare_quantities_data",
        "generate_quantities",
        "collect_draws",
        "diagnose_fit",
        "predict_outcomes",
        "write_report",
        "check_verdicts",
    }
    after = read(project, "kinds/points/kinds/nuts")
    assert after["predictions"]["y_new"].shape == (CHAINS, DRAWS, len(NEW) + 1)
    for name in ("mu", "Sigma", "twice"):
        np.testing.assert_array_equal(before["posterior"][name], after["posterior"][name])


@pytest.mark.parametrize("source", ["nuts", "advi"])
def test_parameters_of_every_kind_arrive(project: ProjectDir, source: str) -> None:
    """A constraint is met again to 1e-12; transformed parameters are those of the new program.

    Of an approximation these are its resampled draws, some of them many times, or its raw ones.
    """
    drawn = read(project, f"kinds/points/kinds/{source}")["posterior"]
    name = "again" if source == "nuts" else "again_advi"
    again = read(project, f"kinds/points/kinds/{name}")["posterior"]
    copied = [str(n) for n in again.data_vars if str(n).partition(".")[0].endswith("_")]
    assert len(copied) == 9
    for copy in copied:
        original = copy.replace("_", "", 1)
        np.testing.assert_array_equal(again[original], drawn[original])
        np.testing.assert_allclose(again[copy], drawn[original], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(again["twice"], 2 * drawn["mu"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(again["second"], drawn["pairs.2"][:, :, 1], rtol=1e-12)
    assert again.attrs.get("weighting") == drawn.attrs.get("weighting")


def test_draws_beyond_a_computed_bound_are_refused(ended: tuple[ProjectDir, str]) -> None:
    """Stan says it of the first draw, and the run which fit, which program, and what to do."""
    project, said = ended
    block = said[said.index("quantities of not_taken/points/bounded/again failed") :]
    block = block.split("\n\n")[0]
    assert "stan/models/kinds_again.stan does not take the draws: of chain 1, " in block
    assert "must be greater than or equal to 500" in block and "Traceback" not in said
    assert "declare each parameter as the program does whose draws they are" in block
    assert not (project.path / "results/not_taken/points/bounded/again/draws.nc").exists()


def test_a_draw_that_the_program_rejects_has_no_value(project: ProjectDir) -> None:
    """NaN in all that it generates, which fails with the share and the program's own words."""
    fit = read(project, "not_taken/points/refusing/again")["posterior"]
    positive = fit["mu"].values > 0
    np.testing.assert_array_equal(np.isnan(fit["noise"].values), positive)
    folder = project.path / "results/not_taken/points/refusing/again"
    checks = {
        c["check"]: c for c in json.loads((folder / "diagnostics.json").read_text())["checks"]
    }
    assert checks["generated"]["verdict"] == "fail"
    assert checks["generated"]["value"] == pytest.approx(positive.mean())
    assert "mu is positive" in str(checks["generated"]["messages"])

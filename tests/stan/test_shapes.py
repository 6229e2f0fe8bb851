"""What a program may declare, and numbers that are none, through a declared analysis to draws.nc.

The values of the generated quantities say where they stand, so that names, shapes and order are
known without looking at a result.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from xarray import DataTree

from tests.project import ProjectDir
from tests.stan.declared import run_declaration

pytestmark = pytest.mark.stan

CHAINS, DRAWS, WARMUP = 4, 100, 200
Y = [0.5, -0.25, 1.0]
DATA = {"N": len(Y), "E": 0, "y": Y, "none": [], "gaps": ["NaN", "Infinity", 1.5]}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> ProjectDir:
    """A project in which both programs were fitted."""
    return run_declaration(
        tmp_path_factory.mktemp("shapes") / "project",
        cache,
        "shapes.yaml",
        {"shapes.json": json.dumps(DATA), "size.json": '{"N": 2}'},
    )


def read(project: ProjectDir, fit: str) -> DataTree:
    with xr.open_datatree(project.path / "results" / fit / "draws.nc", engine="h5netcdf") as tree:
        return tree.load()


@pytest.fixture(scope="module")
def tree(project: ProjectDir) -> DataTree:
    """The draws of the program that declares everything."""
    return read(project, "shapes/shapes/every_shape/nuts")


def test_every_variable_has_its_shape(tree: DataTree) -> None:
    """Scalars, matrices, slots of tuples, complex numbers and empty containers are all there."""
    shapes = {str(name): v.shape[2:] for name, v in tree["posterior"].data_vars.items()}
    assert shapes == {
        "mu": (),
        "nothing": (0,),
        "slope": (2, 3),
        "pair.1": (),
        "pair.2": (2,),
        "z": (2,),
        "no_rows": (0, 3),
        "w": (2, 2, 2),
        "undefined": (),
        "unbounded": (2,),
        "place": (2, 2, 3),
        "records.1": (3,),
        "records.2": (3, 2),
        "none_each": (2, 0),
        "no_matrix": (0, 2),
        "field": (2, 3, 2),
    }
    assert all(
        v.dims[:2] == ("chain", "draw") and v.shape[:2] == (CHAINS, DRAWS)
        for v in tree["posterior"].data_vars.values()
    )


def test_every_element_stands_in_its_place(tree: DataTree) -> None:
    """Row, column and slot of a value are those that the program gave it."""
    posterior = tree["posterior"].to_dataset()
    i, j, k = np.ogrid[1:3, 1:3, 1:4]
    assert (posterior["place"] == 100 * i + 10 * j + k).all()
    rows = np.arange(1, 4)
    assert (posterior["records.1"] == rows).all()
    assert (posterior["records.2"] == 10 * rows[:, None] + [1, 2]).all()


def test_complex_numbers_end_in_their_parts(tree: DataTree) -> None:
    """Real and imaginary part can be selected by name, and are the program's."""
    posterior = tree["posterior"].to_dataset()
    j, k = np.ogrid[1:3, 1:4]
    assert (posterior["field"].sel(part="real") == 10 * j + k).all()
    assert (posterior["field"].sel(part="imag") == np.broadcast_to(-k, (2, 3))).all()
    i, j = np.ogrid[1:3, 1:3]
    assert (posterior["w"].sel(part="real") == 10 * i + j).all()
    imaginary = posterior["w"].sel(part="imag")
    assert (imaginary == posterior["mu"]).all()


def test_nan_and_infinity_arrive_as_such(tree: DataTree) -> None:
    """In generated quantities, and in data, where JSON has text for them."""
    posterior = tree["posterior"].to_dataset()
    assert np.isnan(posterior["undefined"]).all()
    assert (posterior["unbounded"] == [-np.inf, np.inf]).all()
    constants = tree["constant_data"].to_dataset()
    np.testing.assert_array_equal(constants["gaps"], [np.nan, np.inf, 1.5])
    assert constants["none"].shape == (0,)


def test_the_warmup_and_what_it_led_to_are_kept(tree: DataTree, project: ProjectDir) -> None:
    """The step size is that of every draw, to CmdStan's six digits; unasked there is none."""
    assert tree["warmup_posterior"].sizes["draw"] == WARMUP
    assert list(tree["warmup_posterior"].data_vars) == list(tree["posterior"].data_vars)
    stats = tree["warmup_sample_stats"]
    assert stats["step_size"].std("draw").min() > 0
    adapted = tree["adaptation"]
    step_size = tree["sample_stats"]["step_size"]
    np.testing.assert_allclose(step_size.isel(draw=0), adapted["step_size"], rtol=1e-5)
    assert adapted["inv_metric"].dims == ("chain", "inv_metric_dim_0")
    assert (adapted["inv_metric"] > 0).all()
    other = read(project, "simulation/size/no_parameters/fixed_param")
    assert not {"warmup_posterior", "warmup_sample_stats", "adaptation"} & set(other.children)


def test_the_summary_has_a_row_a_scalar_in_stan_s_names(project: ProjectDir) -> None:
    """Slots of tuples and parts of complex numbers have rows; empty containers have none."""
    fit = project.path / "results/shapes/shapes/every_shape/nuts"
    names = pd.read_csv(fit / "summary.csv")["variable"]
    assert set(names) - {"lp__"} == {
        "mu",
        *(f"slope[{row},{column}]" for row in (1, 2) for column in (1, 2, 3)),
        *("pair.1", "pair.2[1]", "pair.2[2]", "z[real]", "z[imag]"),
        *(f"w[{i},{j},{part}]" for i in (1, 2) for j in (1, 2) for part in ("real", "imag")),
    }


def test_generated_quantities_without_value_are_a_warning(project: ProjectDir) -> None:
    """NaN and infinities that nothing uses are named with their share, in one check alone."""
    fit = project.path / "results/shapes/shapes/every_shape/nuts"
    checks = {c["check"]: c for c in json.loads((fit / "diagnostics.json").read_text())["checks"]}
    generated = checks.pop("generated")
    assert generated["verdict"] == "warn"
    named = ("undefined", "unbounded[1]", "unbounded[2]")
    assert set(generated["where"]) == {f"{name}: 100 %" for name in named}
    assert "undefined" not in json.dumps(checks)


def test_a_program_without_parameters_is_simulated(project: ProjectDir) -> None:
    """`fixed_param` draws generated quantities: independent, from what the program says.

    They vary by five Monte Carlo errors of independent draws at most, and the summary gives these
    errors; nothing is said of convergence, and a constant is no fault.
    """
    fit = "simulation/size/no_parameters/fixed_param"
    drawn = read(project, fit)["posterior"].to_dataset()
    assert (drawn["count"] == [1, 2]).all()
    y = drawn["y"].values
    assert y.shape == (1, 2000)
    assert abs(y.mean() - 3) < 5 / np.sqrt(y.size)
    assert abs(y.std() - 1) < 5 / np.sqrt(2 * y.size)
    assert abs(np.corrcoef(y[0, 1:], y[0, :-1])[0, 1]) < 5 / np.sqrt(y.size)

    results = project.path / "results" / fit
    summary = pd.read_csv(results / "summary.csv", index_col="variable")
    assert list(summary.index) == ["count[1]", "count[2]", "y"]
    assert summary.loc["y", "mcse_mean"] == pytest.approx(y.std() / np.sqrt(y.size), rel=1e-6)
    assert summary.loc["y", "ess_bulk"] == pytest.approx(y.size)
    assert summary["rhat"].isna().all()
    judged = json.loads((results / "diagnostics.json").read_text())
    assert judged["verdict"] == "pass"
    assert [check["check"] for check in judged["checks"]] == ["finite", "generated"]

"""What a program leaves without value, and a prior that is none, from a declaration to the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from tests.project import ProjectDir

pytestmark = pytest.mark.stan

CONFIG = """\
project: careless
seed: 20261121
datasets:
  points:
    path: data/points.csv
    columns: {y: {type: real}, group: {type: category}}
    stan: {N: nrow(), y: y, J: nlevels(group), g: index(group), obeys: 1, cut: -1000}
models:
  sound: {program: stan/models/careless.stan}
  some: {program: stan/models/careless.stan, stan: {cut: 1.1}}
  none: {program: stan/models/careless.stan, stan: {cut: 1000, obeys: 0}}
analyses:
  checked:
    datasets: [points]
    models: [sound, some, none]
    methods: {nuts: {warmup: 300}}
    prior_predictive: {}
    posterior_predictive: {observed: y, replicated: y_rep, statistics: [mean, median]}
  alone:
    datasets: [points]
    models: [some]
    methods: {nuts: {warmup: 300}}
"""
POINTS = "group,y\na,0.3\na,1.4\nb,0.2\nb,2.1\nc,1.9\nc,0.8\n"
RNG = "normal_rng: Scale parameter is -1"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[ProjectDir, str]:
    """The project, run once, and what was said; it must exit with 3."""
    program = (Path(__file__).parent / "programs/careless.stan").read_text()
    files = {"stan/models/careless.stan": program, "data/points.csv": POINTS}
    project = ProjectDir.make(tmp_path_factory.mktemp("careless") / "p", cache, CONFIG, files)
    completed = project.stanchion("run", "--cores", "2")
    assert completed.returncode == 3, completed.stdout + completed.stderr
    return project, completed.stdout + completed.stderr


def read(project: ProjectDir, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((project.path / "results" / name).read_text())
    return content


def check(project: ProjectDir, fit: str, name: str = "generated") -> dict[str, Any]:
    checks = read(project, f"{fit}/nuts/diagnostics.json")["checks"]
    return next(result for result in checks if result["check"] == name)


@pytest.mark.parametrize("model", ["some", "none"])
def test_replications_that_fail_stop_the_fit(ran: tuple[ProjectDir, str], model: str) -> None:
    """All of them or some: no predictive check, and the sampler's words in the terminal."""
    project, output = ran
    fit = f"checked/points/{model}"
    row = check(project, fit)
    assert row["verdict"] == "fail" and row["where"][0].startswith("y_rep[")
    assert row["value"] == 1 if model == "none" else 0.2 < row["value"] < 0.8
    assert RNG in row["messages"][0]
    assert read(project, f"{fit}/nuts/predictive.json")["made"] is False
    line = next(line for line in output.splitlines() if line.startswith(f"{fit}/nuts failed"))
    assert RNG in line


def test_the_share_is_that_of_the_draws(ran: tuple[ProjectDir, str]) -> None:
    """Where mu is below the cut, and there only; the count of messages is the same."""
    path = ran[0].path / "results/checked/points/some/nuts/draws.nc"
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        below = (tree["posterior"]["mu"] < 1.1).values
        missing = np.isnan(tree["posterior_predictive"]["y"]).all("y_rep_dim_0" if "y_rep_dim_0" in
                        tree["posterior_predictive"].dims else "obs").values  # fmt: skip
    np.testing.assert_array_equal(missing, below)
    row = check(ran[0], "checked/points/some")
    assert row["value"] == pytest.approx(below.mean())
    assert row["messages"][0].startswith(f"chain 1, {below[0].sum()} times: ")


def test_what_nothing_declared_uses_is_a_warning(ran: tuple[ProjectDir, str]) -> None:
    """The same draws in an analysis without predictive check: no stop, and no pass."""
    assert check(ran[0], "alone/points/some")["verdict"] == "warn"
    assert read(ran[0], "alone/points/some/nuts/diagnostics.json")["verdict"] == "warn"


def test_an_integer_that_is_never_assigned_has_no_value(ran: tuple[ProjectDir, str]) -> None:
    """Stan prints the least integer for it; its neighbour, which is assigned, has one."""
    row = check(ran[0], "checked/points/sound")
    assert (row["verdict"], row["where"]) == ("warn", ["never[2]: 100 %"])


def test_the_unfilled_triangle_is_noted(ran: tuple[ProjectDir, str]) -> None:
    """NaN in every draw of one element of a matrix is no failure."""
    content = read(ran[0], "checked/points/sound/nuts/diagnostics.json")
    assert content["verdict"] == "warn"
    assert any("does not fill: L[1,2]" in note for note in content["notes"])


def test_integers_and_labels_arrive(ran: tuple[ProjectDir, str]) -> None:
    """Counts are integers, by the groups' names; data have the dimension of their rows."""
    path = ran[0].path / "results/checked/points/sound/nuts/draws.nc"
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        count = tree["posterior"]["count"]
        assert count.dtype == np.int64 and (count == 2).all()
        assert count["group"].values.tolist() == ["a", "b", "c"]
        assert tree["constant_data"]["g"].dims == tree["observed_data"]["y"].dims


def test_a_prior_that_is_the_posterior_fails(ran: tuple[ProjectDir, str]) -> None:
    """The switch that is ignored is found; the one that is obeyed is not suspected."""
    for model, verdict in (("sound", "pass"), ("some", "pass"), ("none", "fail")):
        content = read(ran[0], f"checked/points/{model}/prior.json")
        result = {check["check"]: check["verdict"] for check in content["checks"]}
        assert result["prior_only"] == verdict
        assert result["ess_bulk"] == result["rhat"] == "pass"
    report = (ran[0].path / "results/checked/report.html").read_text()
    assert "The prior of points/none" in report and "The prior of points/sound" not in report

"""A fit that is a point, from its archive to the report: shown, and used, as a point."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from stanchion.answers.declared import DeclaredAnswer
from stanchion.draws.attempts import Attempt, Attempts
from stanchion.draws.files import read_gated
from stanchion.draws.modes import Mode, Modes, read_modes
from stanchion.methods.optimize import Optimize
from stanchion.sampling.archive import Archive, write_archive
from stanchion.steps import collect_draws, write_report
from stanchion.versions.diff.revision import _estimates
from tests.report_inputs import Declared, FitCase, nuts_checks, report_job
from tests.unit.config_cases import changed, declared, fault
from tests.unit.draws_cases import job, write_json
from tests.unit.steps_cases import (
    META,
    Y,
    answer,
    collecting,
    compare,
    diagnose,
    fit,
    predict,
    read_csv,
    verdicts_of,
)

MODES = Modes(
    modes=(Mode(log_density=-2.5, starts=(1, 2)),),
    starts=2,
    without=0,
    returned="the optimiser converged: its gradient is below `tol_grad`",
    stopped=False,
    parameters=("mu",),
    unconstrained=(1.5,),
    gradient=(1e-6,),
    covariance=((0.04,),),
    columns=("mu", "twice"),
    errors=(0.2, 0.4),
)
LIKELIHOOD = {f"log_lik.{n + 1}": -1.0 for n in range(len(Y))}
REPLICATED = {f"y_rep.{n + 1}": 1.0 for n in range(len(Y))}
ROW = {"lp__": -2.5, "converged__": 30, "mu": 1.5, "twice": 3.0, **LIKELIHOOD, **REPLICATED}


def collected(folder: Path, modes: Modes = MODES, **changes: float) -> Path:
    """Collect a point that a procedure left in its archive."""
    folder.mkdir(parents=True, exist_ok=True)
    row = {**ROW, "y_new.1": 0.0, "y_new.2": 0.0, **changes}
    csv = folder / "start_1.csv"
    values = ",".join(repr(float(value)) for value in row.values())
    csv.write_text(f"# method = optimize\n{','.join(row)}\n{values}\n")
    modes.write(folder / "modes.json")
    tried = Attempt(
        name="start 1", settings={}, runs=(csv.name,), gradients=None, passed=True, because="mode 1"
    )
    method = Optimize(starts=2)
    attempts = Attempts(
        method="optimize", method_version=1, settings=method.settings, tried=(tried,)
    )
    others = {"start_1.csv": csv, "modes.json": folder / "modes.json"}
    write_archive(Archive([csv], attempts, others), folder / "chains.zip")
    inputs: dict[str, Path | list[Path]] = {
        "chains": [folder / "chains.zip"],
        "data": write_json(folder / "data.json", {"N": len(Y), "M": 2, "y": Y.tolist()}),
        "meta": write_json(folder / "meta.json", META),
    }
    arguments = collecting(method="optimize", settings=method.settings)
    outputs = {"draws": "draws.nc", "summary": "summary.csv"}
    collect_draws.run(job(folder, "collect_draws", arguments, inputs, outputs))
    return folder


def judged(folder: Path, modes: Modes = MODES, **changes: float) -> dict[str, Any]:
    return diagnose(collected(folder, modes, **changes), "optimize")


def check(diagnostics: dict[str, Any], name: str) -> dict[str, Any]:
    (result,) = [check for check in diagnostics["checks"] if check["check"] == name]
    return dict(result)


def test_summary_is_a_point_with_errors(tmp_path: Path) -> None:
    """Estimate and standard error, of no generated quantity, and no column that draws have."""
    rows = read_csv(collected(tmp_path) / "summary.csv")
    assert rows == [
        {"variable": "mu", "label": "mu", "estimate": "1.5", "se": "0.2"},
        {"variable": "twice", "label": "twice", "estimate": "3.0", "se": "0.4"},
    ]
    without = collected(tmp_path, replace(MODES, covariance=(), columns=(), errors=()))
    assert [row["se"] for row in read_csv(without / "summary.csv")] == ["", ""]


def test_answers_by_a_point_are_values_alone(tmp_path: Path) -> None:
    """No interval, no error, no density and no probability of a rope: one point is no draws."""
    judged(tmp_path / "m@optimize")
    asked = DeclaredAnswer(
        answer="asked",
        kind="quantity",
        expressions=(("", "2 * mu"),),
        unit=None,
        rope=(0, 4),
        stacked=False,
    )
    step = answer(tmp_path, "m@optimize", answers=[asked])
    (row,) = read_csv(step.outputs["answers"])
    assert row["value"] == "3.0" and row["verdict"] == "pass"
    assert row["lower"] == row["upper"] == row["mcse"] == ""
    ((fit,),) = (a["fits"] for a in json.loads(step.outputs["details"].read_text())["answers"])
    assert fit["ropes"] == [] and fit["rows"][0]["density"] is None


def test_draws_hold_a_point_and_no_posterior(tmp_path: Path) -> None:
    """A reader who looks for draws finds none; the gate finds the parameters, diff the values."""
    path = collected(tmp_path) / "draws.nc"
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        assert set(tree.children) == {
            "point",
            "modes",
            "sample_stats",
            "observed_data",
            "constant_data",
        }
        assert set(tree["point"].data_vars) == {"mu", "twice"}
    assert read_gated(path).names == ["lp__", "mu", "twice"]
    assert read_modes(path) == MODES
    estimates = dict(_estimates((tmp_path / "summary.csv").read_text()))
    assert (estimates["mu"].mean, estimates["mu"].mcse) == (1.5, None)


def test_a_sound_point_passes(tmp_path: Path) -> None:
    """One mode, reached, with errors; the distance is that of the gradient in standard errors."""
    diagnostics = judged(tmp_path)
    assert verdicts_of(diagnostics) == dict.fromkeys(
        ("finite", "converged", "curvature", "modes", "attempts"), "pass"
    )
    assert check(diagnostics, "converged")["value"] == pytest.approx(2e-7)
    assert diagnostics["notes"] == []


NO_CURVATURE = {"covariance": (), "columns": (), "errors": ()}
TWO = (*MODES.modes, Mode(log_density=-4.0, starts=(3,)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"gradient": (0.1,)}, {"converged": "fail"}),
        ({"stopped": True}, {"converged": "fail"}),
        ({"gradient": (float("nan"),)}, {"converged": "fail"}),
        (
            {**NO_CURVATURE, "because": "a ridge"},
            {"converged": "fail", "curvature": "fail"},
        ),
        (
            {**NO_CURVATURE, "because": "another CmdStan", "evaluated": False},
            {"converged": "warn", "curvature": "warn"},
        ),
        (
            {**NO_CURVATURE, "because": "b", "evaluated": False, "stopped": True},
            {"converged": "fail", "curvature": "warn"},
        ),
        ({"errors": (0.2, float("nan"))}, {"curvature": "warn"}),
        ({"modes": TWO}, {"modes": "warn"}),
        ({"without": 1}, {"modes": "warn"}),
        ({"starts": 1}, {"modes": "warn"}),
    ],
)
def test_what_could_not_be_computed_does_not_pass(
    tmp_path: Path, changes: dict[str, Any], expected: dict[str, str]
) -> None:
    """Too far from the mode, no curvature, several modes or one start: each has its verdict."""
    verdicts = verdicts_of(judged(tmp_path, replace(MODES, **changes)))
    assert {name: v for name, v in verdicts.items() if v != "pass"} == expected


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_point_without_a_value_fails(tmp_path: Path, value: float) -> None:
    """One value that is no number is no constant that nobody minds."""
    diagnostics = judged(tmp_path, twice=value)
    assert check(diagnostics, "finite")["where"] == ["twice"]
    assert diagnostics["verdict"] == "fail"


def test_nothing_is_predicted_from_a_point(tmp_path: Path) -> None:
    """Predictions and replications say why they were not made, and the run goes on."""
    judged(tmp_path)
    content = predict(tmp_path)
    assert (content["made"], content["because"]) == (False, "optimize gives a point")


def test_a_point_is_left_out_of_a_comparison(tmp_path: Path) -> None:
    """A model stands by its draws; the point of the same model is left out, with the reason."""
    for name in ("near", "far"):
        fit(tmp_path / name, centre=1.0)
    judged(tmp_path / "near@optimize")
    table, judgement = compare(tmp_path, "near", "near@optimize", "far")
    assert {row["method"] for row in table} == {"nuts"}
    assert judgement["left_out"] == [
        {"model": "near", "method": "optimize", "because": "optimize gives a point"}
    ]
    assert verdicts_of(judgement)["compared"] == "pass"


POINTS = [
    {"variable": "mu", "estimate": 4.4123, "se": 3.321},
    {"variable": "tau", "estimate": 6.5, "se": ""},
]


def test_the_report_shows_a_point_as_a_point(tmp_path: Path) -> None:
    """A table of estimates with standard errors, a mark without a line, and what it is called."""
    fits = [
        FitCase("partial", "nuts", checks=nuts_checks()),
        FitCase("partial", "optimize", kind="optimize", estimate="MLE", summary=POINTS),
    ]
    made = report_job(tmp_path, fits, Declared())
    write_report.run(made)
    page = made.outputs["report"].read_text()
    assert "Modes of partial on schools" in page and "optimize (MLE)" in page
    row = page[page.index("Modes of partial on schools") :]
    assert "<td>4.4</td><td>3.3</td>" in row
    assert "<td>6.500</td><td>–</td>" in row
    assert "a mark without a line is a point" in page
    marks = page[page.index('class="legend"') :].split("</ul>")[0].split("</li>")
    assert ["<line" in mark for mark in marks[:2]] == [True, False]
    metrics = json.loads(made.outputs["metrics"].read_text())
    assert metrics["schools/partial/optimize"]["verdict"] == "pass"


def test_a_point_alone_needs_no_section_of_draws(tmp_path: Path) -> None:
    """Where no method of a model draws, what needs draws is an error that names the section."""
    nuts = "nuts: {chains: 4, warmup: 1000, draws: 1000, adapt_delta: 0.95}"
    predictive = "    posterior_predictive: {observed: y, replicated: y_rep, "
    predictive += "statistics: [mean, sd, min, max]}\n"
    text = changed("      advi: {algorithm: meanfield, draws: 1000, on_fail: flag}\n", "")
    text = changed(nuts, "optimize: {starts: 2}", text)
    without = {
        "posterior_predictive": changed("    compare: {by: loo}\n", "", text),
        "compare": changed(predictive, "", text),
    }
    for section, alone in without.items():
        message = fault(tmp_path, alone)
        words = f"{section} needs draws, and optimize gives a point of partial and pooled"
        assert (message.what, message.key) == (words, f"analyses.coaching.{section}")
    beside = changed("optimize: {starts: 2}", "nuts: {}\n      optimize: {starts: 2}", text)
    assert declared(tmp_path, beside).analyses


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("init: 0", "all starts are the same"),
        ("init: start.json", "all starts are the same"),
        ("algorithm: newton, tol_grad: 1.0e-6", "newton has no tol_grad"),
        ("algorithm: bfgs, history_size: 9", "bfgs has no history_size"),
        ("draws: 100", "draws"),
        ("starts: 0", "starts"),
    ],
)
def test_settings_that_contradict_are_refused(tmp_path: Path, settings: str, words: str) -> None:
    """Several starts from one place, and an option of another algorithm or method."""
    text = changed("advi: {algorithm: meanfield, draws: 1000,", f"optimize: {{{settings},")
    message = fault(tmp_path, text)
    assert words in message.what or words in str(message.key)


@pytest.mark.parametrize(
    "method",
    ["nuts: {metric_from: optimize}", "later: {method: gq, of: optimize, program: a.stan}"],
)
def test_no_other_method_takes_draws_of_a_point(tmp_path: Path, method: str) -> None:
    """Neither a metric nor generated quantities can be made of one point."""
    nuts = "nuts: {chains: 4, warmup: 1000, draws: 1000, adapt_delta: 0.95}"
    point = "optimize: {}\n      nuts: {}\n      " if "gq" in method else "optimize: {}\n      "
    message = fault(tmp_path, changed(nuts, point + method))
    assert message.what == "'optimize' gives a point, and no draws"


def test_laplace_needs_starts_that_differ_too(tmp_path: Path) -> None:
    """The message names the key of the method, not of the optimiser within it."""
    message = fault(tmp_path, changed("advi: {algorithm: meanfield,", "laplace: {init: 0,"))
    assert message.what == "all starts are the same from a file or at zero"
    assert message.key == "analyses.coaching.methods.laplace.starts"


def test_a_mode_is_called_what_it_is() -> None:
    """MLE only without priors, and only on the declared scale."""
    assert Optimize().estimate(has_priors=True) == "MAP"
    assert Optimize().estimate(has_priors=False) == "MLE"
    on_unconstrained = Optimize(jacobian=True)
    for has_priors in (True, False):
        assert on_unconstrained.estimate(has_priors=has_priors) == "mode on the unconstrained scale"

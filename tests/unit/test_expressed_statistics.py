"""Statistics of replicated data that are declared as expressions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from stanchion.config import load
from stanchion.errors import DeclarationError, Fault, StepError
from stanchion.expressions import replicated as module
from stanchion.expressions.check import Axis
from stanchion.expressions.faults import ExpressionError
from stanchion.expressions.replicated import Data, expressed
from stanchion.expressions.statistics import check_statistic
from stanchion.pictures.replications import Replications, replications
from stanchion.plan.model import Facts
from stanchion.plan.planner import make_plan
from stanchion.runs.check import check_plan
from stanchion.stan.program import Program, Variable
from stanchion.stats.predictive import STATISTICS, statistic
from stanchion.steps import write_report
from stanchion.system.hashes import file_hash
from tests.report_inputs import Declared as ReportOf
from tests.report_inputs import FitCase, report_job
from tests.unit.steps_cases import PREDICTIVE, Y, chain, collect, diagnose, fit, predict

NAMED = {
    "mean": "mean(y)",
    "sd": "sd(y)",
    "median": "median(y)",
    "mad": "median(abs(y - median(y)))",
    "min": "min(y)",
    "max": "max(y)",
    "q5": "quantile(y, 0.05)",
    "q25": "quantile(y, 0.25)",
    "q75": "quantile(y, 0.75)",
    "q95": "quantile(y, 0.95)",
    "skewness": "mean((y - mean(y))^3) / mean((y - mean(y))^2)^1.5",
    "zeros": "mean(y == 0)",
}
SHAPES = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=8)
EIGHTHS = st.integers(-800, 800).map(lambda whole: whole / 8)
"""Exact in binary, so that a constant has no spread by rounding."""


def of(**values: Any) -> Data:
    """Return data without labels, an axis a dimension."""
    held = {name: np.asarray(value) for name, value in values.items()}
    axes = {
        name: tuple(Axis(f"{name}_dim_{i}", size) for i, size in enumerate(value.shape))
        for name, value in held.items()
    }
    return Data(axes, held)


def test_every_named_statistic_can_be_expressed() -> None:
    """The pairs of this file are all that there are."""
    assert NAMED.keys() == STATISTICS.keys()


@given(st.data(), SHAPES, st.booleans())
@settings(max_examples=60, deadline=None)
def test_an_expression_is_the_statistic_of_that_name(
    data: st.DataObject, shape: tuple[int, ...], whole: bool
) -> None:
    """Observed, replicated, undefined and tail probability are those of the name, to 1e-12."""
    elements = st.integers(-50, 50) if whole else EIGHTHS
    drawn = data.draw(arrays(np.int64 if whole else np.float64, shape, elements=elements))
    observed, rows = drawn[0], len(drawn)
    flat = drawn.reshape(rows, -1).astype(np.float64)
    for name, source in NAMED.items():
        named = statistic(name, flat[0], flat)
        result = expressed(source, "y", of(y=observed), drawn)
        assert (result.name, result.undefined) == (source, named.undefined), name
        close = {"rtol": 1e-12, "atol": 1e-12, "equal_nan": True}
        np.testing.assert_allclose(result.observed, named.observed, **close)
        np.testing.assert_allclose(result.replicated, named.replicated, **close)
        if name in ("min", "max", "zeros"):
            assert (result.tail_probability == named.tail_probability) or result.undefined


def test_other_data_stand_beside_each_replication() -> None:
    """By name, along the same axis, or as one number; the observed are replaced, they are not."""
    rng = np.random.default_rng(3)
    x, y, drawn = rng.normal(size=5), rng.normal(size=5), rng.normal(size=(7, 5))
    data = of(y=y, x=x, limit=0.5)
    far = expressed("max(abs(y - x))", "y", data, drawn)
    assert far.observed == np.abs(y - x).max()
    np.testing.assert_array_equal(far.replicated, np.abs(drawn - x).max(axis=1))
    over = expressed("mean(y > limit)", "y", data, drawn)
    np.testing.assert_allclose(over.replicated, (drawn > 0.5).mean(axis=1), rtol=1e-12)
    assert expressed("y[2] > x[2]", "y", data, drawn).replicated.tolist() == [
        float(row[1] > x[1]) for row in drawn
    ]
    slope = expressed("sum((y - mean(y)) * (x - mean(x))) / sum((x - mean(x))^2)", "y", data, drawn)
    by_hand = [np.polyfit(x, row, 1)[0] for row in drawn]
    np.testing.assert_allclose(slope.replicated, by_hand, rtol=1e-9)


@pytest.mark.parametrize("at_once", [1, 7, 10**6])
def test_replications_without_a_value_are_counted(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Those, and no other, whichever are computed together; there is no tail probability then."""
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    drawn = np.arange(1, 41, dtype=float).reshape(20, 2)
    drawn[[3, 4, 17], 0] = 0
    result = expressed("mean(log(y))", "y", of(y=drawn[0]), drawn)
    assert (result.undefined, len(result.replicated)) == (3, 17)
    others = np.delete(drawn, [3, 4, 17], axis=0)
    np.testing.assert_allclose(result.replicated, np.log(others).mean(axis=1), rtol=1e-12)
    assert np.isnan(result.tail_probability)
    assert np.isnan(expressed("log(min(y))", "y", of(y=[0.0, 1.0]), drawn).observed)
    assert expressed("sd(y)", "y", of(y=[1.0]), drawn[:, :1]).undefined == 20


def test_whole_numbers_that_only_one_side_has_are_real() -> None:
    """A replication of halves is not cut to whole numbers because the data are counts."""
    result = expressed("sum(y * 2)", "y", of(y=np.array([1, 2])), np.array([[0.5, 0.25]]))
    assert (result.observed, result.replicated.tolist()) == (6, [1.5])


WORDS = (
    *("y", "x", "limit", "['A']", "[1]", "2", "0.5", "+", "-", "/", "<", "and", "not", "(", ")"),
    *("mean(", "log(", "quantile(", "max(", ",", "nrow(", "'A'", "=", "`"),
)


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_statistic_or_a_sentence(source: str) -> None:
    """What passes its checks has one number, or none, of each replication."""
    data = of(y=np.array([1.0, 2, 4]), x=np.array([3.0, 1, 0]), limit=2)
    drawn = np.array([[0.0, 1, 2], [3, 3, 3]])
    try:
        check_statistic(source, "y", data.kinds("y", drawn))
    except ExpressionError as error:
        assert str(error).isprintable()
        return
    result = expressed(source, "y", data, drawn)
    assert len(result.replicated) + result.undefined == len(drawn)


RANGE = "max(y) - min(y)"


def test_a_statistic_by_expression_in_a_fit(tmp_path: Path) -> None:
    """It stands beside the named ones under its own text, with the values that NumPy gives."""
    checked = PREDICTIVE | {"statistics": ["max", RANGE, "min", "y[1] - N", "log(y[1] - y[2])"]}
    fit(tmp_path)
    rows = predict(tmp_path, posterior_predictive=checked)["statistics"]
    assert [row["statistic"] for row in rows] == checked["statistics"]
    greatest, spread, least, first, sometimes = rows
    assert spread["observed"] == Y.max() - Y.min()
    assert spread["replicated_mean"] == pytest.approx(
        greatest["replicated_mean"] - least["replicated_mean"], abs=1e-12
    )
    assert 0.05 < spread["tail_probability"] < 0.95
    assert first["observed"] == pytest.approx(Y[0] - len(Y), abs=1e-12)
    assert 800 < sometimes["undefined"] < 1200 and sometimes["tail_probability"] is None


def test_named_statistics_are_as_they_were(tmp_path: Path) -> None:
    """What stands beside them changes nothing of theirs."""
    fit(tmp_path)
    alone = predict(tmp_path)["statistics"]
    beside = PREDICTIVE | {"statistics": [*PREDICTIVE["statistics"], RANGE]}
    assert predict(tmp_path, posterior_predictive=beside)["statistics"][:2] == alone


def test_a_step_without_the_data_that_a_statistic_names_says_so(tmp_path: Path) -> None:
    """Also where nobody has called `check`: a sentence, and no traceback."""
    collect(tmp_path, [chain(seed) for seed in range(4)])
    diagnose(tmp_path)
    checked = PREDICTIVE | {"statistics": ["mean(y) - weight"]}
    with pytest.raises(StepError, match=r"there is no `weight` at character 11"):
        predict(tmp_path, posterior_predictive=checked)


def test_a_long_expression_is_cut_in_the_picture() -> None:
    """The title of its panel has at most 22 characters; the table has all of it."""
    drawn = np.random.default_rng(4).normal(size=(50, 6))
    data, whole = (
        Replications("y", drawn[0], drawn, discrete=False),
        "mean(y) - median(y) + mean(y)",
    )
    results = [
        replace(expressed(whole, "y", of(y=drawn[0]), drawn), name=name)
        for name in (whole, "mean(y) - median(y) +…")
    ]
    pictures = [replications(data, [result], None, "") for result in results]
    assert pictures[0] == pictures[1]


def test_a_long_expression_wraps_in_the_report(tmp_path: Path) -> None:
    """All of it stands there, as the statistic's name; a short one stays on its line."""
    page = report_job(tmp_path, [FitCase("partial", "nuts")], ReportOf(predictive=True))
    (file,) = page.paths("predictives")
    predictive = json.loads(file.read_text())
    long = "quantile(y, 0.975) - quantile(y, 0.025)"
    predictive["statistics"][0]["statistic"] = long
    file.write_text(json.dumps(predictive))
    write_report.run(page)
    html = page.outputs["report"].read_text()
    assert f'<th scope="row" class="wrap">{long}</th>' in html
    assert '<th scope="row">max</th>' in html


DECLARED = """\
datasets: {d: {path: DIR/d.csv, columns: {g: {type: category}}, stan: STAN}, e: {path: DIR/e.json}}
models: {m: {program: m.stan}}
analyses:
  a:
    datasets: [d, e]
    models: [m]
    methods: {nuts: {}}
    posterior_predictive: {observed: y, replicated: y_rep, statistics: [mean, SOURCE]}
"""
STAN = "{N: nrow(), y: y, J: nlevels(g), z: [0.5, 1.5]}"
PROGRAM = Program(
    "m.stan",
    "",
    includes=(),
    data=(
        Variable("N", "int", 0, ()),
        Variable("y", "vector", 1, ("N",)),
        Variable("J", "int", 0, ()),
        Variable("z", "vector", 1, ("J",)),
    ),
    parameters=(Variable("mu", "real", 0, ()),),
    transformed_parameters=(),
    generated_quantities=(Variable("y_rep", "vector", 1, ("N",)),),
)


def refusals(folder: Path, source: str) -> list[Fault]:
    """Return what `check` says of a statistic of y (3), N, J and z (2, labelled A and B)."""
    (folder / "d.csv").write_text("y,g\n1,A\n2,B\n4,A\n")
    (folder / "e.json").write_text(json.dumps({"N": 3, "y": [1, 2, 3], "J": 2, "z": [0, 1]}))
    text = DECLARED.replace("DIR", str(folder)).replace("STAN", STAN)
    (folder / "config.yaml").write_text(text.replace("SOURCE", json.dumps(source)))
    files = {str(folder / name): file_hash(folder / name) for name in ("d.csv", "e.json")}
    facts = Facts({"m": PROGRAM}, files, {"m": {"cpu": "x86-64"}}, toolchain={}, waivers={})
    try:
        check_plan(make_plan(load(folder / "config.yaml"), facts))
    except DeclarationError as error:
        return list(error.faults)
    return []


@pytest.mark.parametrize(
    "source", [RANGE, "mean(y > 3)", "y[3] / N", "max(y) - z[2]", "quantile(y, 0.9) - mean(z)"]
)
def test_check_takes_what_fits_the_data(tmp_path: Path, source: str) -> None:
    """Data of the program, by name and position."""
    assert refusals(tmp_path, source) == []


@pytest.mark.parametrize(
    ("source", "says", "todo"),
    [
        ("maen", "'maen' is no statistic; the nearest is 'mean'", "write mean"),
        ("maen(y)", "there is no function `maen`", "did you mean `mean`?"),
        ("mean(z)", "it is not of `y`", None),
        ("nrow() - mean(y)", "there is no function `nrow`", None),
        ("mean(y) - Z", "there is no `Z` at character 11", "did you mean `z`?"),
        ("mean(y - z)", "`y` (3 of obs) and `z` (2 of g) do not have the same shape", None),
        ("y[4]", "`y` has no position 4", None),
        ("z['a'] - y[1]", "`z` has no label 'a'", "did you mean `A`?"),
        ("y - 1", "it gives 3 numbers", "reduce them, as in `mean(y - 1)`"),
        ("y == 'A'", "cannot be compared", None),
    ],
)
def test_check_says_what_does_not_fit(
    tmp_path: Path, source: str, says: str, todo: str | None
) -> None:
    """At the statistic, once for all fits, and with the nearest that is right."""
    (fault,) = refusals(tmp_path, source)
    assert says in fault.what
    assert fault.key == "analyses.a.posterior_predictive.statistics[1]"
    assert fault.where and fault.where.endswith("config.yaml:8")
    assert todo is None or fault.todo == todo


def test_what_fits_one_dataset_only_is_said_of_the_other(tmp_path: Path) -> None:
    """Labels are those of a mapping; a file in Stan's form has none."""
    (fault,) = refusals(tmp_path, "z['A'] - y[1]")
    assert fault.what.endswith("`z` has no labels along z_dim_0 at character 1; dataset e, model m")

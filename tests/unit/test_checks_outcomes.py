"""`check` refuses to compare models of different outcomes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stanchion.checks.outcomes import Outcomes, differences
from stanchion.config import load
from stanchion.errors import DeclarationError, Fault
from stanchion.plan.model import Facts, Plan
from stanchion.plan.planner import make_plan
from stanchion.runs.check import check_plan
from stanchion.stan.program import Variable
from tests.unit.test_plan import CONFIG, program

MATRIX = Variable("X", "real", 2, ("N", "2"))
LOGGED = "{program: stan/narrow.stan, stan: {y: logged}}"


def plan_of(folder: Path, *changes: tuple[str, str]) -> Plan:
    """Return the plan of a project of two models, its declaration changed."""
    table = "y,logged,a,b\n2.0,0.7,1,5\n3.0,1.1,2,6\n"
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data/points.csv").write_text(table)
    text = CONFIG.replace("data/points.csv", str(folder / "data/points.csv"))
    columns = ", ".join(f"{name}: {{type: real}}" for name in ("y", "logged", "a", "b"))
    text = text.replace("columns: {y: {type: real}}", f"columns: {{{columns}}}")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "config.yaml"
    path.write_text(text)
    programs = {
        name: replace(program(f"stan/{name}.stan"), data=(*program("").data, MATRIX))
        for name in ("wide", "narrow")
    }
    facts = Facts(
        programs=programs,
        files={str(folder / "data/points.csv"): "0" * 64},
        compilers={name: {"stan": "2.39.0"} for name in programs},
        toolchain={"stan": "2.39.0"},
        waivers={},
    )
    return make_plan(load(path), facts)


NO_PREDICTIVE = ("    posterior_predictive: {observed: y, replicated: y_rep}\n", "")
WITH_X = ("stan: {N: nrow(), y: y}", "stan: {N: nrow(), y: y, X: [a, b]}")
OTHER_Y = ("{program: stan/narrow.stan}", LOGGED)
OTHER_X = ("{program: stan/narrow.stan}", "{program: stan/narrow.stan, stan: {X: [b, a]}}")


def refused(folder: Path, *changes: tuple[str, str]) -> list[Fault]:
    """Return the faults that `check` finds."""
    try:
        check_plan(plan_of(folder, WITH_X, *changes))
    except DeclarationError as error:
        return list(error.faults)
    return []


@pytest.mark.parametrize("changes", [[OTHER_Y], [NO_PREDICTIVE, OTHER_Y]])
def test_another_outcome_is_refused(tmp_path: Path, changes: list[tuple[str, str]]) -> None:
    """`y` against `log y` under one name: by the outcome that is named, or as a vector."""
    (fault,) = refused(tmp_path, *changes)
    assert fault.key == "analyses.means.compare"
    assert "wide and narrow of dataset points are of different outcomes" in fault.what
    assert fault.what.endswith("their y differs")


@pytest.mark.parametrize("changes", [[], [OTHER_X], [NO_PREDICTIVE, OTHER_X]])
def test_the_same_outcome_is_compared(tmp_path: Path, changes: list[tuple[str, str]]) -> None:
    """Whatever the matrices of predictors are."""
    assert refused(tmp_path, *changes) == []


def test_a_named_outcome_goes_before_that_of_the_predictive_check(tmp_path: Path) -> None:
    """`compare: {observed: X}` asks for the same X, and is held against the programs' data."""
    named = ("{by: loo}", "{by: loo, observed: X}")
    (fault,) = refused(tmp_path, named, OTHER_X)
    assert fault.what.endswith("their X differs")
    assert refused(tmp_path, named, OTHER_Y) == []
    faults = refused(tmp_path, ("{by: loo}", "{by: loo, observed: z}"))
    assert {fault.key for fault in faults} == {"analyses.means.compare.observed"}


def test_nothing_is_refused_where_nothing_is_compared(tmp_path: Path) -> None:
    """Models of different outcomes may stand in one analysis."""
    assert refused(tmp_path, ("    compare: {by: loo}\n", ""), OTHER_Y) == []


def test_what_counts_as_the_same_numbers() -> None:
    """Integers and reals, NaN as text, and no tuple; a scalar is no vector of one."""
    first = Outcomes.of({"y": [1, 2], "z": ["NaN", 1.0], "t": {"1": 2}, "s": 3.0, "m": [[1.0]]})
    other = Outcomes.of({"y": [1.0, 2.0], "z": [float("nan"), 1], "t": 5, "s": [3.0], "m": 2.0})
    assert list(differences(first, other, None)) == ["their s differs"]
    assert list(differences(first, other, "t")) == ["their t differs"]

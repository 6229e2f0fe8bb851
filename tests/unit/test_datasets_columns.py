"""Columns: types, bounds, levels, missing values, selection, order and transformations."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stanchion.config import Dataset
from stanchion.config.column import Column
from stanchion.config.transforms import TRANSFORMS, Transform
from stanchion.datasets.faults import SHOWN, gathered
from stanchion.datasets.frame import make_frame
from stanchion.datasets.rules import Rule
from stanchion.errors import DataError, Fault
from tests.unit.datasets_cases import SCHOOLS, built, faults, write

N_Y = {"N": "nrow()", "y": "effect"}
DATA = ["int N", "real[N] y"]


@pytest.fixture
def schools(tmp_path: Path) -> Path:
    """Four schools."""
    return write(tmp_path, "schools.csv", SCHOOLS)


@pytest.mark.parametrize(
    ("declared", "cell", "allowed"),
    [
        ({"type": "real"}, "12,5", "a finite number, with a decimal point"),
        ({"type": "real"}, "inf", "a finite number, with a decimal point"),
        ({"type": "real"}, "1e999", "a finite number, with a decimal point"),
        ({"type": "int"}, "1.5", "an integer"),
        ({"type": "int"}, "1_000", "an integer"),
        ({"type": "int"}, "25.000", "an integer"),
        ({"type": "int"}, "1.000.000", "an integer"),
        ({"type": "int"}, "3.00", "an integer"),
        ({"type": "bool"}, "yes", "true, false, 1 or 0"),
        ({"type": "date"}, "21.11.2026", "a date such as 2026-11-21"),
        ({"type": "real", "lower": 0}, "-1", "at least 0"),
        ({"type": "int", "upper": 9}, "10", "at most 9"),
        ({"type": "date", "lower": "2026-01-01"}, "2025-12-31", "at least 2026-01-01"),
        ({"type": "int", "allowed": [1, 2]}, "3", "one of 1, 2"),
        ({"type": "category", "levels": ["low", "high"]}, "mid", "one of the levels low, high"),
    ],
)
def test_a_cell_that_is_not_allowed(
    tmp_path: Path, declared: dict[str, Any], cell: str, allowed: str
) -> None:
    """A bad cell names its line, column, value and what is allowed, wherever it stands."""
    path = write(tmp_path, "a.tsv", f"c\teffect\n{cell}\t1\n")
    (fault,) = faults(path, N_Y, DATA, columns={"c": declared})
    assert fault.where == f"{path}:2"
    assert fault.key == "datasets.schools.columns.c"
    assert "`c`" in fault.what
    assert fault.value == cell
    assert fault.allowed == allowed


@pytest.mark.parametrize(
    ("kind", "cell", "todo"),
    [
        ("real", "12,5", "write 12.5, with a point, if that is meant"),
        ("int", "12,5", "write 12.5, with a point, if that is meant"),
        ("int", "1,000", "it may be 1000 or 1.0: write which, plainly"),
        ("real", "-1,250", "it may be -1250 or -1.25: write which, plainly"),
        ("int", "25.000", "it may be 25000 or 25.0: write which, plainly"),
        ("real", "1,000,000", "write 1000000, without separators, if that is meant"),
        ("real", "1.000.000", "write 1000000, without separators, if that is meant"),
        ("real", "1,000.5", None),
        ("real", "1,", None),
    ],
)
def test_advice_on_separators_is_never_wrong(
    tmp_path: Path, kind: str, cell: str, todo: str | None
) -> None:
    """Where a separator may mean two numbers, both are said; the choice is the user's."""
    path = write(tmp_path, "a.tsv", f"c\teffect\n{cell}\t1\n")
    (fault,) = faults(path, N_Y, DATA, columns={"c": {"type": kind}})
    assert fault.todo == todo


def test_bounds_and_numbers_that_are_allowed(tmp_path: Path) -> None:
    """Bounds are inclusive; `3.0` is an integer; truth and exponents read."""
    path = write(tmp_path, "a.csv", "n,r,t\n3.0,1e-3,TRUE\n-4,-.5,0\n")
    data = built(
        path,
        {"n": "n", "r": "r", "t": "t"},
        ["int[2] n", "real[2] r", "int[2] t"],
        columns={
            "n": {"type": "int", "lower": -4, "upper": 3},
            "r": {"type": "real", "lower": -0.5},
            "t": {"type": "bool"},
        },
    )
    assert data.values == {"n": [3, -4], "r": [0.001, -0.5], "t": [1, 0]}


def test_all_bad_cells_are_collected_and_many_are_counted(tmp_path: Path) -> None:
    """One message holds the first faults of all columns, and the number of the others."""
    names = [f"c{n}" for n in range(30)]
    rows = [",".join(["1", *["x"] * 30])]
    path = write(tmp_path, "a.csv", "\n".join([",".join(["effect", *names]), *rows]) + "\n")
    refusals = faults(path, N_Y, DATA, columns={name: {"type": "real"} for name in names})
    assert len(refusals) == SHOWN + 1
    assert refusals[-1].what == f"and {30 - SHOWN} more faults"


def test_the_same_fault_in_many_rows_is_one(tmp_path: Path) -> None:
    """A column that is wrong in every row is one fault, with the count and the first places."""
    path = write(tmp_path, "a.csv", "effect,se\n" + "x,-1\n" * 19 + "x,-2\n")
    low, wrong = faults(path, N_Y, DATA, columns={"se": {"type": "real", "lower": 0}})
    assert wrong.what == "column `effect` holds 'x'; 19 more: line 3, line 4, line 5, …"
    assert wrong.where == f"{path}:2"
    assert low.what == "column `se` holds '-1'; 19 more: line 3, line 4, line 5, …"
    other = write(tmp_path, "b.csv", "effect\n,\n".replace(",", "x") + "1\ny\n")
    (two,) = faults(other, N_Y, DATA)
    assert two.what == "column `effect` holds 'x'; once more: line 4 'y'"


def test_an_undeclared_column_of_numbers_names_the_odd_cell(tmp_path: Path) -> None:
    """A column that is used as numbers, undeclared, is held to be numbers."""
    path = write(tmp_path, "a.csv", "effect\n1\n2\nthree\n")
    (fault,) = faults(path, N_Y, DATA)
    assert fault.where == f"{path}:4"
    assert fault.key == "datasets.schools.stan.y"


def test_a_missing_column_names_the_nearest(schools: Path) -> None:
    """A column that is not there is named with the nearest, and those that are there."""
    (fault,) = faults(schools, {**N_Y, "y": "efect"}, DATA)
    assert fault.todo == "did you mean `effect`?"
    assert fault.allowed == "its columns: school, state, effect, se, size"
    assert fault.key == "datasets.schools.stan.y"
    assert fault.where == f"config/config.yaml:{len(fault.key)}"


def test_a_repeated_value_of_a_unique_column(tmp_path: Path) -> None:
    """Both lines of a repetition are named."""
    path = write(tmp_path, "a.csv", "id,effect\n7,1\n8,2\n7,3\n")
    (fault,) = faults(path, N_Y, DATA, columns={"id": {"type": "int", "unique": True}})
    assert fault.where == f"{path}:4"
    assert f"first at {path}:2" in fault.what


def test_missing_values_are_faults_unless_dropped(tmp_path: Path) -> None:
    """A missing value in a used or declared column stops, or drops its row and is recorded."""
    text = "effect,se,other\n1,2,\n,3,x\n4,NA,x\n5,-,x\n6,7,x\n"
    path = write(tmp_path, "a.csv", text)
    rest: dict[str, Any] = {"columns": {"se": {"type": "real"}}, "na": ["", "NA", "-"]}
    refusals = faults(path, N_Y, DATA, **rest)
    assert [(fault.where, fault.what) for fault in refusals] == [
        (f"{path}:3", "column `effect` has no value"),
        (f"{path}:4", "column `se` has no value; once more: line 5"),
    ]
    data = built(path, N_Y, DATA, missing="drop", **rest)
    assert data.values == {"N": 2, "y": [1, 6]}
    drop = {"dataset": "schools", "why": "missing"}
    assert data.meta["dropped"] == [
        {"row": 3, "column": "effect", **drop},
        {"row": 4, "column": "se", **drop},
        {"row": 5, "column": "se", **drop},
    ]
    assert data.meta["rows"] == 2


def test_nothing_left(tmp_path: Path) -> None:
    """A table of which every row is dropped or left out is a fault."""
    path = write(tmp_path, "a.csv", "effect,g\nNA,a\n1,b\n")
    (fault,) = faults(path, N_Y, DATA, missing="drop", where={"g": ["a"]})
    assert "1 were dropped" in fault.what
    assert fault.key == "datasets.schools.where"


def test_a_selection_that_keeps_nothing(schools: Path) -> None:
    """`where:` that keeps no row is a fault as any, which `check` can count and print."""
    (fault,) = faults(schools, N_Y, DATA, where={"state": ["TX"]})
    assert fault.what == f"no row of {schools} is left"
    assert fault.key == "datasets.schools.where"
    assert len({fault, fault}) == 1
    assert "'state': ['TX']" in str(fault)


@pytest.mark.parametrize(
    ("where", "values"),
    [
        ({"state": ["NY", "MA"]}, [28, 8, 7]),
        ({"size": [95, 120.0]}, [8, -3]),
        ({"state": ["NY"], "size": [95]}, [8]),
    ],
)
def test_where_keeps_rows(schools: Path, where: dict[str, Any], values: list[int]) -> None:
    """A row stays if every named column holds one of its values, numbers compared by size."""
    assert built(schools, N_Y, DATA, where=where).values["y"] == values


def test_rows_left_out_are_not_checked(tmp_path: Path) -> None:
    """What `where:` leaves out may hold anything; `true` selects by meaning."""
    path = write(tmp_path, "a.csv", "effect,ok\n1,TRUE\nbroken,FALSE\n")
    assert built(path, N_Y, DATA, where={"ok": [True]}).values["y"] == [1]


def test_sort_orders_rows(schools: Path) -> None:
    """Rows are sorted by the first column, then the next; categories by their declared levels."""
    data = built(
        schools,
        N_Y,
        DATA,
        sort=["state", "size"],
        columns={"state": {"type": "category", "levels": ["NY", "MA", "CA"]}},
    )
    assert data.values["y"] == [8, 28, 7, -3]
    assert built(schools, N_Y, DATA, sort=["size"]).values["y"] == [8, -3, 7, 28]


def test_transforms_and_their_constants(schools: Path) -> None:
    """Standardize, center and log transform a column wherever it is used, and are recorded."""
    effect, se, size = [28.0, 8, -3, 7], [15.0, 10, 16, 11], [310.0, 95, 120, 205]
    data = built(
        schools,
        {"a": "effect", "b": "se", "c": "size", "X": ["effect", "se"]},
        ["real[4] a", "real[4] b", "real[4] c", "real[4, 2] X"],
        columns={
            "effect": {"type": "int", "transform": "standardize"},
            "se": {"type": "real", "transform": "center"},
            "size": {"type": "real", "transform": "log"},
        },
    )
    mean, sd = statistics.mean(effect), statistics.stdev(effect)
    assert data.values["a"] == pytest.approx([(x - mean) / sd for x in effect], rel=1e-14)
    assert data.values["b"] == [x - statistics.mean(se) for x in se]
    assert data.values["c"] == [math.log(x) for x in size]
    rows = zip(data.values["a"], data.values["b"], strict=True)
    assert data.values["X"] == [list(row) for row in rows]
    constants = data.meta["transforms"]
    assert constants["effect"] == pytest.approx(
        {"kind": "standardize", "center": mean, "scale": sd}
    )
    assert constants["se"] == {"kind": "center", "center": 13.0, "scale": 1.0}
    assert constants["size"] == {"kind": "log", "center": None, "scale": None}


def test_transforms_that_cannot_be(tmp_path: Path) -> None:
    """A constant column cannot be standardized, nor a zero logged; the row is named."""
    path = write(tmp_path, "a.csv", "effect,s\n1,5\n0,5\n")
    columns = {
        "effect": {"type": "real", "transform": "log"},
        "s": {"type": "real", "transform": "standardize"},
    }
    zero, constant = faults(path, N_Y, DATA, columns=columns)
    assert zero.where == f"{path}:3"
    assert zero.allowed == "more than 0"
    assert "same value in every row" in constant.what


def test_a_fault_without_a_place_that_comes_twice_is_said_once() -> None:
    """Two models that meet the same fault of a declaration tell it once, not as two places."""
    fault, other = Fault("`y` is wrong", key="a.y", value={}), Fault("`z` is wrong", key="a.z")
    assert gathered([fault, other, fault]) == [fault, other]


def test_a_transform_is_one_row(schools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of the catalogue is all that a transform needs: values, constants, faults, words."""
    row = Transform(
        "the square root, over the largest",
        "root {unit}",
        lambda values: {"largest": float(values.max())},
        lambda values, constants: (values / constants["largest"]) ** 0.5,
        domain=lambda values: values >= 0,
        lacks="square root",
        allowed="at least 0",
    )
    monkeypatch.setitem(TRANSFORMS, "root", row)
    rule = Rule("effect", "datasets.schools.columns.effect", "real", transform="root")
    frame = make_frame("schools", Dataset(path=str(schools)), schools, [replace(rule, name="se")])
    assert frame.table["se"].tolist() == pytest.approx(
        [math.sqrt(x / 16) for x in (15, 10, 16, 11)]
    )
    assert frame.transforms == {"se": {"kind": "root", "largest": 16.0}}
    with pytest.raises(DataError, match=r"holds -3\.0, which has no square root") as caught:
        make_frame("schools", Dataset(path=str(schools)), schools, [rule])
    (fault,) = caught.value.faults
    assert (fault.where, fault.allowed) == (f"{schools}:4", "at least 0")


def test_every_transform_may_be_declared_and_is_described() -> None:
    """The key `transform` takes the catalogue's names, and its description says their words."""
    schema = Column.model_json_schema()["properties"]["transform"]
    assert schema["anyOf"][0]["enum"] == list(TRANSFORMS)
    for name, row in TRANSFORMS.items():
        assert f"`{name}`, {row.words}" in schema["description"]

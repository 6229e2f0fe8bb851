"""Design matrices: hand-computed columns, constants kept for new rows, and no silence."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from stanchion.config import Dataset
from stanchion.datasets import StanData
from stanchion.datasets import design as design_module
from stanchion.errors import Fault
from tests.unit.datasets_cases import built, faults, write

TABLE = """\
age,sex,t,n
20,f,0,1
30,m,1,2
40,f,2,1
50,m,4,2
"""
BLOCK = ["int K", "real[4, K] X"]


def design(tmp_path: Path, formula: str, **rest: Any) -> StanData:
    """Build a design matrix of the table."""
    path = write(tmp_path, "a.csv", TABLE)
    return built(path, {"K": "ncol(X)", "X": f'design("{formula}")'}, BLOCK, **rest)


def applied(tmp_path: Path, formula: str, new: str, **columns: Any) -> StanData:
    """Build a design matrix of the table and of new rows."""
    path, other = write(tmp_path, "a.csv", TABLE), write(tmp_path, "new.csv", new)
    stan = {"K": "ncol(X)", "X": f'design("{formula}")', "N_new": "new.nrow()", "X_new": "new.X"}
    block = [*BLOCK, "int N_new", "real[N_new, K] X_new"]
    others = {"new": Dataset(path=str(other))}
    return built(path, stan, block, others=others, columns=columns)


def refused(tmp_path: Path, formula: str, new: str | None = None) -> Fault:
    """Return the one fault of a formula, where `new` is given of its use on new rows."""
    path = write(tmp_path, "a.csv", TABLE)
    stan, block = {"X": f'design("{formula}")'}, ["real[4, K] X"]
    if new is None:
        (fault,) = faults(path, stan, block)
        return fault
    others = {"new": Dataset(path=str(write(tmp_path, "new.csv", new)))}
    stan["X_new"] = "new.X"
    (fault,) = faults(path, stan, [*block, "real[L, K] X_new"], others=others)
    return fault


def test_columns_by_hand(tmp_path: Path) -> None:
    """Intercept, scale (n − 1) and treatment contrasts come out as computed by hand."""
    matrix = design(tmp_path, "~ scale(age) + sex")
    sd = math.sqrt(500 / 3)
    expected = [[1, (age - 35) / sd, m] for age, m in [(20, 0), (30, 1), (40, 0), (50, 1)]]
    assert matrix.values["X"] == [pytest.approx(row, rel=1e-14) for row in expected]
    labels = ["Intercept", "scale(age)", "sex[T.m]"]
    assert matrix.meta["sizes"]["K"] == {"dim": "X_column", "labels": labels}


def test_the_first_declared_level_is_the_reference(tmp_path: Path) -> None:
    """Contrasts follow the declared levels, also those that do not occur."""
    levels = {"sex": {"type": "category", "levels": ["m", "x", "f"]}}
    matrix = design(tmp_path, "~ sex", columns=levels)
    assert matrix.meta["sizes"]["K"]["labels"] == ["Intercept", "sex[T.x]", "sex[T.f]"]
    assert matrix.values["X"] == [[1, 0, 1], [1, 0, 0], [1, 0, 1], [1, 0, 0]]


def test_interaction_and_no_column(tmp_path: Path) -> None:
    """An interaction multiplies; an empty formula gives rows without columns."""
    matrix = design(tmp_path, "~ 0 + age:sex")
    assert matrix.values["X"] == [[20, 0], [0, 30], [40, 0], [0, 50]]
    empty = design(tmp_path, "~ 0")
    assert empty.values == {"K": 0, "X": [[], [], [], []]}


def test_a_transformed_column_enters_transformed(tmp_path: Path) -> None:
    """The formula sees the column as its declaration transforms it."""
    matrix = design(tmp_path, "~ 0 + age", columns={"age": {"type": "real", "transform": "center"}})
    assert matrix.values["X"] == [[-15], [-5], [5], [15]]


def test_new_rows_take_the_fitted_scale_levels_and_knots(tmp_path: Path) -> None:
    """scale keeps mean and sd, contrasts keep their columns, a spline keeps its knot."""
    formula = "~ 0 + scale(age) + sex + bs(t, knots=[1], degree=1)"
    matrix = applied(tmp_path, formula, "age,sex,t\n60,m,0.5\n35,f,3\n")
    sd = math.sqrt(500 / 3)
    expected = [[(60 - 35) / sd, 0, 1, 0.5, 0], [0, 1, 0, 1 - 2 / 3, 2 / 3]]
    assert matrix.values["X_new"] == [pytest.approx(row, rel=1e-14) for row in expected]


def test_new_rows_take_quantile_knots_and_declared_transforms(tmp_path: Path) -> None:
    """Knots by `df` are quantiles of the fitted rows, and a transform keeps its constants."""
    formula = "~ 0 + age + bs(t, df=2, degree=1)"
    matrix = applied(
        tmp_path, formula, "age,t\n60,3\n", age={"type": "real", "transform": "center"}
    )
    knot, upper = 1.5, 4
    beyond = (3 - knot) / (upper - knot)
    assert matrix.values["X_new"] == [pytest.approx([25, 1 - beyond, beyond], rel=1e-14)]


def test_a_new_level_in_a_formula_is_refused(tmp_path: Path) -> None:
    """A level that the fitted rows lack is a fault with its row, not a row of zeros."""
    fault = refused(tmp_path, "~ sex", "sex\nf\nx\n")
    assert fault.where == f"{tmp_path / 'new.csv'}:3"
    assert fault.allowed == "f, m"


def test_a_new_level_of_numbers_in_a_formula_is_refused(tmp_path: Path) -> None:
    """A number made categorical inside the formula is held to the levels seen, too."""
    fault = refused(tmp_path, "~ C(n)", "n\n1\n3\n")
    assert "a level that the fitted rows do not have" in fault.what
    assert fault.where == str(tmp_path / "new.csv")
    assert applied(tmp_path, "~ C(n)", "n\n2\n").values["X_new"] == [[1, 1]]


def test_new_rows_beyond_the_knots_are_refused(tmp_path: Path) -> None:
    """A spline does not extrapolate unless its formula says so."""
    assert "beyond upper and/or lower bounds" in refused(tmp_path, "~ bs(t, df=3)", "t\n9\n").what


def test_a_formula_that_would_change_with_new_rows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that forgets its mean would give new rows another one; `center` keeps it."""
    monkeypatch.setattr(design_module, "_context", lambda: {"sqrt": lambda x: x - x.mean()})
    fault = refused(tmp_path, "~ sqrt(age)", "age\n25\n")
    assert "depends on the other rows" in fault.what
    centered = applied(tmp_path, "~ 0 + center(age)", "age\n25\n")
    assert centered.values["X_new"] == [[25 - 35]]


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("~ log(t)", "divide by zero"),
        ("~ I(1/t)", "is inf"),
        ("~ bs(sqrt(t - 2), df=3)", "invalid value"),
        ("age ~ sex", "more than one side"),
        ("~ age | sex", "more than one side"),
        ("~ age +", "cannot be read"),
        ("~ scal(age)", "`scal(age)` may not stand in a formula"),
        ("~ agee", "has no column `agee`"),
    ],
)
def test_formulas_that_are_refused(tmp_path: Path, formula: str, says: str) -> None:
    """What formulaic would drop, encode as zeros or only warn of is a fault with its key."""
    fault = refused(tmp_path, formula)
    assert says in fault.what
    assert "\x1b" not in fault.what
    assert fault.key == "datasets.schools.stan.X"


def test_a_date_is_no_term(tmp_path: Path) -> None:
    """A date cannot enter a formula, and says so."""
    path = write(tmp_path, "a.csv", "day\n2026-11-21\n")
    stan, columns = {"X": 'design("~ day")'}, {"day": {"type": "date"}}
    (fault,) = faults(path, stan, ["real[1, K] X"], columns=columns)
    assert "`day` is a date" in fault.what


def test_columns_say_their_levels_reference_and_scaling(tmp_path: Path) -> None:
    """Treatment contrasts leave a reference; `scale`, `center` and a transform leave constants."""
    levels = {
        "sex": {"type": "category", "levels": ["m", "x", "f"]},
        "age": {"type": "real", "transform": "center"},
    }
    columns = design(tmp_path, "~ sex + scale(age)", columns=levels).meta["columns"]
    described = {column.pop("column"): column for column in columns}
    assert described["sex"] == {
        "type": "category",
        "levels": ["m", "x", "f"],
        "reference": ["m"],
    }
    centred, scaled = described["age"]["scaling"]
    assert centred == {"by": "transform: center", "center": 35, "scale": 1}
    assert scaled["by"] == "scale(age)"
    assert scaled["center"] == pytest.approx(0, abs=1e-12)
    assert scaled["scale"] == pytest.approx(math.sqrt(500 / 3))
    (whole,) = design(tmp_path, "~ 0 + sex", columns={"sex": levels["sex"]}).meta["columns"]
    assert "reference" not in whole


@pytest.mark.parametrize(
    ("formula", "group"), [("~ group + subgroup", "b"), ("~ 0 + group + subgroup", None)]
)
def test_a_reference_is_of_its_column_and_of_none_that_ends_alike(
    tmp_path: Path, formula: str, group: str | None
) -> None:
    """`subgroup[T.b]` is no column of `group`, whose reference is its own or none."""
    path = write(tmp_path, "a.csv", "group,subgroup\nb,b\nc,a\nb,a\nc,b\n")
    stan = {"X": f'design("{formula}")', "K": "ncol(X)"}
    columns = built(path, stan, ["real[4, K] X", "int K"]).meta["columns"]
    references = {column["column"]: column.get("reference") for column in columns}
    assert references == {"group": [group] if group else None, "subgroup": ["a"]}

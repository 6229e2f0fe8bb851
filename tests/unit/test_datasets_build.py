"""From a table and its mapping to the values of a `data` block, with sizes and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.config import Dataset
from stanchion.datasets import NewRows
from stanchion.datasets.positions import positions
from stanchion.datasets.rules import Series
from stanchion.datasets.values import order
from tests.unit.datasets_cases import SCHOOLS, built, faults, write


@pytest.fixture
def schools(tmp_path: Path) -> Path:
    """Four schools."""
    return write(tmp_path, "schools.csv", SCHOOLS)


def dataset(path: Path, **declared: Any) -> Dataset:
    """Return another dataset."""
    return Dataset.model_validate({"path": str(path), **declared})


def test_columns_matrices_constants_and_counts(schools: Path) -> None:
    """Columns, matrices by rows, constants and counts come out with their types and shapes."""
    data = built(
        schools,
        {
            "N": "nrow()",
            "K": "ncol(X)",
            "C": "ncol(M)",
            "y": "effect",
            "X": ["effect", "se"],
            "one": ["se"],
            "scale": 2.5,
            "M": [[1, 0, 0], [0, 1, 0]],
        },
        [
            "int N",
            "int K",
            "int C",
            "int[N] y",
            "real[N, K] X",
            "int[N, 1] one",
            "real scale",
            "real[2, C] M",
        ],
    )
    assert data.values == {
        "N": 4,
        "K": 2,
        "C": 3,
        "y": [28, 8, -3, 7],
        "X": [[28, 15], [8, 10], [-3, 16], [7, 11]],
        "one": [[15], [10], [16], [11]],
        "scale": 2.5,
        "M": [[1, 0, 0], [0, 1, 0]],
    }
    assert data.meta["sizes"] == {
        "N": {"dim": "obs", "labels": None},
        "K": {"dim": "X_column", "labels": ["effect", "se"]},
        "C": {"dim": "M_column", "labels": None},
    }
    assert data.meta["rows"] == 4


def test_one_row_keeps_its_dimensions(tmp_path: Path) -> None:
    """A table of one row gives lists of one, not numbers."""
    path = write(tmp_path, "a.csv", "y,g\n5,a\n")
    data = built(
        path,
        {"N": "nrow()", "y": "y", "g": "index(g)", "X": ["y"]},
        ["int N", "real[N] y", "int[N] g", "real[N, 1] X"],
    )
    assert data.values == {"N": 1, "y": [5], "g": [1], "X": [[5]]}


def test_levels_count_from_one_in_code_point_order(tmp_path: Path) -> None:
    """Undeclared levels stand in code-point order: capitals first, accents last."""
    path = write(tmp_path, "a.csv", "g\nb\nÄ\na\nB\nb\n10\n9\n")
    data = built(path, {"J": "nlevels(g)", "g": "index(g)"}, ["int J", "int[7] g"])
    assert data.meta["sizes"]["J"] == {
        "dim": "g_level",
        "labels": ["10", "9", "B", "a", "b", "Ä"],
        "factor": "g",
    }
    assert data.values == {"J": 6, "g": [5, 6, 4, 3, 5, 1, 2]}


def test_levels_in_declared_order(schools: Path) -> None:
    """Declared levels fix the order and the count, also of levels that do not occur."""
    data = built(
        schools,
        {"J": "nlevels(state)", "g": "index(state)"},
        ["int J", "int[4] g"],
        columns={"state": {"type": "category", "levels": ["NY", "TX", "MA", "CA"]}},
    )
    assert data.values == {"J": 4, "g": [1, 1, 4, 3]}
    labels = {"dim": "state", "labels": ["NY", "TX", "MA", "CA"], "factor": "state"}
    assert data.meta["sizes"]["J"] == labels


def test_levels_of_numbers_truth_and_codes(tmp_path: Path) -> None:
    """Integers stand by size, codes with leading zeros stay texts, truth is false then true."""
    path = write(tmp_path, "a.csv", "id,code,ok\n10,010,true\n9,09,false\n-1,1,true\n")
    data = built(
        path,
        {
            "I": "nlevels(id)",
            "i": "index(id)",
            "C": "nlevels(code)",
            "T": "nlevels(ok)",
            "t": "index(ok)",
        },
        ["int I", "int[3] i", "int C", "int T", "int[3] t"],
        columns={"ok": {"type": "bool"}},
    )
    assert data.values == {"I": 3, "i": [3, 2, 1], "C": 3, "T": 2, "t": [2, 1, 2]}
    sizes = data.meta["sizes"]
    assert sizes["I"]["labels"] == ["-1", "9", "10"]
    assert sizes["C"]["labels"] == ["010", "09", "1"]
    assert sizes["T"]["labels"] == ["false", "true"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_index_finds_each_label_among_the_levels(labels: list[str]) -> None:
    """The level at each index is the row's label, and every level is some row's label."""
    series = Series("g", "category", pd.Series(pd.Categorical(labels)))
    levels = series.levels()
    numbers = positions(series, levels, str, "key").tolist()
    assert [levels[number - 1] for number in numbers] == labels
    assert set(numbers) == set(range(1, len(levels) + 1))
    assert list(levels) == sorted(levels, key=lambda text: [ord(sign) for sign in text])


@given(st.lists(st.integers(), min_size=1))
def test_integer_levels_stand_by_size(numbers: list[int]) -> None:
    """Levels of integers are all that occur, once, in order of size."""
    labels = order("int", [str(number) for number in numbers])
    assert [int(text) for text in labels] == sorted(set(numbers))


def test_a_value_a_level_from_another_dataset(tmp_path: Path, schools: Path) -> None:
    """A lookup gives one value for each level, in the levels' order, whatever the rows' order."""
    states = write(tmp_path, "states.csv", "state,u,n\nNY,1.5,3\nTX,9,9\nCA,-2,1\nMA,4.25,2\n")
    data = built(
        schools,
        {"J": "nlevels(state)", "u": "states.u(state)", "n": "states.n(state)"},
        ["int J", "real[J] u", "int[J] n"],
        others={"states": dataset(states)},
    )
    assert data.values == {"J": 3, "u": [-2, 4.25, 1.5], "n": [1, 2, 3]}


def test_a_lookup_is_transformed_by_its_own_dataset(tmp_path: Path, schools: Path) -> None:
    """The other dataset's declaration transforms its column, by constants of its own rows."""
    states = write(tmp_path, "states.csv", "state,u\nNY,1\nTX,9\nCA,2\nMA,4\n")
    declared = {"u": {"type": "real", "transform": "center"}}
    data = built(
        schools,
        {"u": "states.u(state)"},
        ["real[3] u"],
        others={"states": dataset(states, columns=declared)},
    )
    assert data.values["u"] == [2 - 4, 4 - 4, 1 - 4]
    assert data.meta["transforms"]["states.u"]["center"] == 4


def test_a_lookup_without_a_row_or_with_two(tmp_path: Path, schools: Path) -> None:
    """A level that the other dataset lacks, or has twice, is named."""
    stan, block = {"u": "states.u(state)"}, ["real[3] u"]
    short = write(tmp_path, "short.csv", "state,u\nNY,1\nca,2\n")
    refusals = faults(schools, stan, block, others={"states": dataset(short)})
    assert [(fault.value, fault.where) for fault in refusals] == [
        ("CA", str(short)),
        ("MA", str(short)),
    ]
    assert refusals[0].todo == "did you mean `ca`?"
    twice = write(tmp_path, "twice.csv", "state,u\nNY,1\nCA,2\nMA,3\nCA,4\n")
    (fault,) = faults(schools, stan, block, others={"states": dataset(twice)})
    assert fault.where == f"{twice}:5"
    assert fault.value == "CA"


NEW = """\
state,effect,se
MA,10,1
NY,20,2
"""


def test_new_rows_by_the_levels_and_scales_of_the_fitted(tmp_path: Path, schools: Path) -> None:
    """The mapping applied to new rows uses the fitted rows' levels and constants."""
    new = write(tmp_path, "new.csv", NEW)
    data = built(
        schools,
        {
            "N": "nrow()",
            "J": "nlevels(state)",
            "x": "effect",
            "g": "index(state)",
            "M": ["effect", "se"],
            "N_new": "new.N",
            "N_too": "new.nrow()",
            "J_new": "new.J",
            "x_new": "new.x",
            "g_new": "new.g",
            "g_too": "new.index(state)",
            "M_new": "new.M",
        },
        [
            "int N",
            "int J",
            "int N_new",
            "int N_too",
            "int J_new",
            "real[N_new] x_new",
            "int[N_new] g_new",
            "int[N_new] g_too",
            "real[N_new, 2] M_new",
        ],
        columns={"effect": {"type": "real", "transform": "center"}},
        others={"new": dataset(new)},
        new_rows=NewRows("new"),
    )
    assert data.values == {
        "N": 4,
        "J": 3,
        "N_new": 2,
        "N_too": 2,
        "J_new": 3,
        "x_new": [10 - 10, 20 - 10],
        "g_new": [2, 3],
        "g_too": [2, 3],
        "M_new": [[0, 1], [10, 2]],
    }
    assert data.meta["sizes"]["N_new"] == {"dim": "new_obs", "labels": None}
    new_rows = data.meta["new_rows"]
    assert (new_rows["dataset"], new_rows["rows"]) == ("new", 2)
    assert new_rows["columns"]["effect"] == [10, 20]  # before it is centred
    assert data.meta["unused"] == ["M", "g", "x"]


def test_a_level_that_only_new_rows_have(tmp_path: Path, schools: Path) -> None:
    """A level that the fitted rows lack is a fault at its row, with the levels there are."""
    new = write(tmp_path, "new.csv", "state\nNY\nTX\n")
    (fault,) = faults(
        schools,
        {"g": "index(state)", "g_new": "new.g"},
        ["int[4] g", "int[2] g_new"],
        others={"new": dataset(new)},
    )
    assert fault.where == f"{new}:3"
    assert fault.allowed == "CA, MA, NY"
    assert fault.key == "datasets.schools.stan.g_new"
    assert "add it to the `levels` of the fitted column" in str(fault.todo)


def test_a_new_group_is_a_level_without_rows(tmp_path: Path, schools: Path) -> None:
    """Declared among the levels it has a position, is counted, and new rows may be of it."""
    new = write(tmp_path, "new.csv", "state\nNY\nTX\n")
    data = built(
        schools,
        {"J": "nlevels(state)", "g": "index(state)", "g_new": "new.g"},
        ["int J", "int[4] g", "int[2] g_new"],
        columns={"state": {"type": "category", "levels": ["CA", "MA", "NY", "TX"]}},
        others={"new": dataset(new)},
    )
    assert data.values["J"] == 4
    assert data.values["g"] == [3, 3, 1, 2]
    assert data.values["g_new"] == [3, 4]


def test_new_rows_are_held_to_the_fitted_columns(tmp_path: Path, schools: Path) -> None:
    """Bounds of the fitted columns hold for new rows; another type or transform is a fault."""
    new = write(tmp_path, "new.csv", "se\n-1\n")
    stan, block = {"s": "se", "s_new": "new.s"}, ["real[4] s", "real[1] s_new"]
    columns = {"se": {"type": "real", "lower": 0, "unique": True}}
    (fault,) = faults(schools, stan, block, columns=columns, others={"new": dataset(new)})
    assert (fault.where, fault.allowed) == (f"{new}:2", "at least 0")
    other = dataset(new, columns={"se": {"type": "int", "transform": "log"}})
    kind, transform = faults(schools, stan, block, columns=columns, others={"new": other})
    assert kind.key == "datasets.new.columns.se.type"
    assert transform.key == "datasets.new.columns.se.transform"


def test_new_rows_that_nothing_takes(tmp_path: Path, schools: Path) -> None:
    """Declared predictions without a mapping of the new rows are a fault that says what to add."""
    new = write(tmp_path, "new.csv", NEW)
    (fault,) = faults(
        schools,
        {"N": "nrow()"},
        ["int N"],
        others={"new": dataset(new)},
        new_rows=NewRows("new"),
    )
    assert fault.todo is not None
    assert "`N_new: new.N`" in fault.todo


@pytest.mark.parametrize(
    ("stan", "says"),
    [
        ({"g": "state"}, "column `state` is a category, not a number"),
        ({"g": "index(effect)"}, "column `effect` holds real numbers"),
        ({"g": "ncol(Z)"}, "`Z` is no Stan variable of this mapping"),
        ({"g": "ncol(h)", "h": "se"}, "`h` is not a matrix"),
        ({"g": "new.h"}, "`h` is no Stan variable of this mapping"),
        ({"g": "new.h", "h": "new.nrow()"}, "`h` is itself taken from dataset new"),
    ],
)
def test_expressions_that_do_not_fit(
    tmp_path: Path, schools: Path, stan: dict[str, Any], says: str
) -> None:
    """What a column or another variable cannot give says so, with the key of the mapping."""
    new = write(tmp_path, "new.csv", NEW)
    refusals = faults(
        schools,
        stan,
        [],
        columns={"state": {"type": "category"}, "effect": {"type": "real"}},
        others={"new": dataset(new)},
    )
    assert says in str(refusals[0])


def test_a_fault_names_the_key_of_the_model_that_overrides(schools: Path) -> None:
    """An expression that the model gives is placed under the model."""
    columns = {"state": {"type": "category"}}
    stan, override = {"y": "effect"}, {"y": "state"}
    (fault,) = faults(schools, stan, ["real[4] y"], mapping=override, columns=columns)
    assert fault.key == "models.pooled.stan.y"
    data = built(schools, {"y": "effect"}, ["real[4] y"], mapping={"y": "se"})
    assert data.values["y"] == [15, 10, 16, 11]

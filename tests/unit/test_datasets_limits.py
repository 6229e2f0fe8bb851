"""Bounds that a program's `data` block declares, held to the values before anything runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from stanchion.config import Dataset
from stanchion.datasets import build
from stanchion.datasets.limits import bound_of
from stanchion.datasets.stan_json import dumps
from stanchion.errors import DataError, Fault
from stanchion.stan.program import Variable
from stanchion.stan.sizes import declarations

DATA = """data {
  int<lower=1, upper=10> N;
  real<lower=0> scale;
  vector<lower=0>[N] y;
  array[N] int<lower=0, upper=N - 1> k;
  matrix<lower=-scale, upper=2 * scale ^ 2>[N, 2] X;
  vector<lower=y>[N] above;
  vector<upper=max(y)>[N] unknown;
  vector<offset=1, multiplier=2>[N] free;
}
"""
GOOD: dict[str, Any] = {
    "N": 2,
    "scale": 1.5,
    "y": [0, 2.5],
    "k": [0, 1],
    "X": [[-1.5, 0], [4.5, 1]],
    "above": [0, 2.5],
    "unknown": [1e9, math.nan],
    "free": [-5, math.nan],
}
TYPES = {"N": ("int", 0), "scale": ("real", 0), "k": ("int", 1), "X": ("real", 2)}


def checked(folder: Path, **changed: Any) -> list[Fault]:
    """The faults of a Stan JSON file that holds good values but for some."""
    path = folder / "data.json"
    path.write_text(dumps({**GOOD, **changed}))
    block = [
        Variable(
            name, *TYPES.get(name, ("real", 1)), declared.sizes, "", declared.lower, declared.upper
        )
        for name, declared in declarations(DATA).items()
    ]
    dataset = Dataset.model_validate({"path": str(path)})
    try:
        build("d", dataset, {}, block, {"d": path}, {})
    except DataError as error:
        return list(error.faults)
    return []


def test_bounds_are_read_as_declared() -> None:
    """Lower and upper as written; offset and multiplier are none."""
    bounds = {name: (d.lower, d.upper) for name, d in declarations(DATA).items()}
    assert bounds == {
        "N": ("1", "10"),
        "scale": ("0", ""),
        "y": ("0", ""),
        "k": ("0", "N - 1"),
        "X": ("-scale", "2 * scale ^ 2"),
        "above": ("y", ""),
        "unknown": ("", "max(y)"),
        "free": ("", ""),
    }


def test_values_at_their_bounds_are_good(tmp_path: Path) -> None:
    """Bounds are inclusive; one that cannot be worked out here, or is none, says nothing."""
    assert checked(tmp_path) == []


@pytest.mark.parametrize(
    ("changed", "says", "allowed"),
    [
        ({"y": [1, -1]}, "`y` holds -1 at y[2]", "at least 0, by the program"),
        ({"y": [math.nan, 1]}, "`y` holds nan at y[1]", "at least 0, by the program"),
        ({"y": [-1, -2]}, "`y` holds -1 at y[1], and 1 more such value", "at least 0, by"),
        ({"scale": -0.5, "X": [[0, 0], [0, 0]]}, "`scale` holds -0.5", "at least 0, by"),
        ({"k": [2, 0]}, "`k` holds 2 at k[1]", "at most N - 1 = 1, by the program"),
        ({"X": [[0, -2], [0, 0]]}, "`X` holds -2 at X[1,2]", "at least -scale = -1.5, by"),
        ({"X": [[0, 0], [9, 0]]}, "`X` holds 9 at X[2,1]", "at most 2 * scale ^ 2 = 4.5, by"),
        ({"above": [0, 2]}, "`above` holds 2 at above[2]", "at least y, by the program"),
    ],
)
def test_values_beyond_their_bounds(
    tmp_path: Path, changed: dict[str, Any], says: str, allowed: str
) -> None:
    """A value beyond a bound, or NaN, is named with its place, and with what the bound comes to."""
    refusals = checked(tmp_path, **changed)
    assert says in [fault.what for fault in refusals]
    (fault,) = [fault for fault in refusals if fault.what == says]
    assert (fault.allowed or "").startswith(allowed)
    assert fault.key == f"datasets.d.stan.{says.split('`')[1]}"


def test_tables_are_held_to_the_bounds_too(tmp_path: Path) -> None:
    """What a mapping makes of a table is compared with the program's bounds."""
    path = tmp_path / "a.csv"
    path.write_text("y\n3\n-4\n")
    dataset = Dataset.model_validate({"path": str(path)})
    block = [Variable("y", "real", 1, ("N",), "vector", "0", "")]
    with pytest.raises(DataError, match=r"`y` holds -4 at y\[2\]"):
        build("d", dataset, {"y": "y"}, block, {"d": path}, {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("1e-3", 0.001),
        ("-2", -2),
        ("N + 1", 6),
        ("(N - 1) * 2", 8),
        ("N / 2", 2),
        ("-N / 2", -2),
        ("N / 2.0", 2.5),
        ("2 ^ 3", 8.0),
        ("negative_infinity()", -math.inf),
        ("y", [1, 2]),
        ("M", None),
        ("max(y)", None),
        ("y + 1", None),
        ("N > 3 ? 1 : 0", None),
        ("N % 2", None),
        ("N / 0", None),
        ("9 ^ 9 ^ 9 ^ 9", None),
        ("__import__('os').system('x')", None),
        ("1" + " + 1" * 5000, None),
        ("(" * 5000, None),
        ("", None),
    ],
)
def test_what_a_bound_comes_to(text: str, value: object) -> None:
    """Numbers, data and arithmetic as Stan has it; anything else is not known here."""
    assert bound_of(text, {"N": 5, "y": [1, 2]}) == value


@pytest.mark.parametrize(
    ("variable", "value", "row", "column"),
    [("k", 7, 3, "kind"), ("X", -9, 2, "left"), ("n", 1.5, 2, "left"), ("new", -1, 2, "kind")],
)
def test_a_value_of_a_table_is_named_by_its_cell(
    tmp_path: Path, variable: str, value: float, row: int, column: str
) -> None:
    """File, line and column of a value that a program refuses, of new rows too."""
    table, new = tmp_path / "a.csv", tmp_path / "new.csv"
    left = {"X": "-9", "n": "1.5"}.get(variable, "1")
    table.write_text(f"kind,left,right\n0,{left},2\n{7 if variable == 'k' else 1},3,4\n")
    new.write_text(f"kind\n{-1 if variable == 'new' else 0}\n")
    declared = {
        "k": Variable("k", "int", 1, ("2",), upper="1"),
        "X": Variable("X", "real", 2, ("2", "2"), lower="0"),
        "n": Variable("n", "int", 1, ("2",)),
        "new": Variable("new", "int", 1, ("1",), lower="0"),
    }
    mapping = {"k": "kind", "X": ["left", "right"], "n": "left", "new": "other.k"}
    others = {"other": Dataset(path=str(new))}
    with pytest.raises(DataError) as caught:
        build(
            "a",
            Dataset(path=str(table)),
            mapping,
            [declared[variable]],
            {"a": table, "other": new},
            others,
        )
    (fault,) = caught.value.faults
    assert fault.what.endswith(f", column `{column}`")
    assert fault.where == f"{new if variable == 'new' else table}:{row}"
    assert fault.value == value

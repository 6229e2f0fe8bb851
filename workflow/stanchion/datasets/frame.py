"""A dataset's rows, ready for use: selected, checked, complete, sorted, transformed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stanchion.datasets.faults import at_rows, stop
from stanchion.datasets.read import Raw, distinct, location, read_columns, read_header
from stanchion.datasets.rules import NAMING, NUMERIC, Converted, Rule, Series, convert
from stanchion.datasets.transforms import Constants, Transformed, transform
from stanchion.datasets.values import label, parse_bool, parse_real
from stanchion.errors import Fault
from stanchion.expressions.faults import suggestion

if TYPE_CHECKING:
    from stanchion.config import Dataset

MOST_SHOWN = 200
"""Rows of a dataset that the report may show."""


@dataclass(frozen=True)
class Drop:
    """A row that was left out: its line in the file, and why."""

    dataset: str
    row: int
    column: str
    why: str


@dataclass(frozen=True)
class Frame:
    """The rows of a table, whose index gives the line of each in the file.

    `absent` holds, for each column that may have missing values, whether it has one; the value
    in `table` then means nothing. `first_rows` are the values of the first rows by column, as they
    stand before any transform.
    """

    dataset: str
    path: Path
    table: pd.DataFrame
    kinds: dict[str, str]
    levels: dict[str, tuple[str, ...] | None]
    dropped: list[Drop]
    transforms: dict[str, Constants]
    absent: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    first_rows: dict[str, list[Any]] = field(default_factory=dict)
    labelled_by: str | None = None
    """The column whose values name the rows, where one is declared that can."""

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> Series:
        """Return a column."""
        return Series(name, self.kinds[name], self.table[name], self.levels[name])

    def missing(self, name: str) -> NDArray[np.bool_]:
        """Return in which rows a column has no value."""
        return self.absent.get(name, np.zeros(len(self), dtype=bool))

    def row_labels(self) -> tuple[str, ...] | None:
        """Return the name of each row, None where no column gives them."""
        if self.labelled_by is None:
            return None
        codes, labels = self.column(self.labelled_by).factor()
        return tuple(np.array(labels, dtype=object)[codes].tolist())

    def row_of(self, name: str, index: int, *, missing: bool) -> int:
        """Return the row of a value by its position among those of a column that are missing, or
        among those that are not.
        """
        return int(np.flatnonzero(self.missing(name) == missing)[index])

    def location(self, row: int) -> str:
        """Return where a row stands."""
        return location(self.path, self.table.index[row])

    def take(self, rows: list[int] | NDArray[np.int64]) -> Frame:
        """Return these rows, in this order."""
        absent = {name: mask[rows] for name, mask in self.absent.items()}
        return replace(self, table=self.table.iloc[rows], absent=absent)

    def stand_in(self, dataset: str) -> Frame:
        """Return the first row, as the only one of another dataset, without its name."""
        return replace(self.take([0]), dataset=dataset, dropped=[], labelled_by=None)


def make_frame(
    name: str,
    dataset: Dataset,
    path: Path,
    rules: Sequence[Rule],
    constants: Mapping[str, Constants] | None = None,
) -> Frame:
    """Read the columns that rules ask for, and those of `where:` and `sort:`.

    The rows that `where:` selects are checked; those with a missing value are faults, or are
    dropped and recorded. `constants` are the transforms' constants where other rows fixed them.

    Raises:
        DataError: the table does not hold what is declared of it.
    """
    key = f"datasets.{name}"
    rule_of = {rule.name: rule for rule in rules}
    for column in dataset.sort:
        rule_of.setdefault(column, Rule(column, f"{key}.sort"))
    selecting = {column: f"{key}.where.{column}" for column in dataset.where}
    _require(path, {**selecting, **{rule.name: rule.key for rule in rule_of.values()}})
    columns = sorted({*rule_of, *selecting})
    reals = {rule.name for rule in rules if rule.kind == "real"} - selecting.keys()
    raw, converted = _convert_all(path, columns, dataset, rule_of, reals)
    if raw.as_numbers and any(column.faults for column in converted.values()):
        raw, converted = _convert_all(path, columns, dataset, rule_of, set())  # to show the text
    stop([fault for column in converted.values() for fault in column.faults])
    keep, dropped = _complete(name, raw, rule_of, converted, drop=dataset.missing == "drop")
    if not keep.any():
        _refuse_empty(path, key, dataset, len(dropped))
    values = {column: result.values for column, result in converted.items()}
    table = pd.DataFrame(values, index=raw.lines, copy=False)
    table = table if keep.all() else table[keep]
    kinds = {column: result.kind for column, result in converted.items()}
    levels = {column: rule.levels for column, rule in rule_of.items()}
    optional = [rule.name for rule in rule_of.values() if rule.optional]
    absent = {column: converted[column].missing[keep] for column in optional}
    frame = Frame(name, path, table, kinds, levels, dropped, {}, absent)
    stop([f for rule in rule_of.values() if rule.unique for f in _repeated(frame, rule)])
    frame = _sort(frame, dataset.sort)
    first_rows = {column: _first(frame, column) for column in rule_of}
    frame = replace(frame, first_rows=first_rows, labelled_by=_naming(frame, dataset))
    return transformed(frame, rule_of, constants or {})


def _first(frame: Frame, column: str) -> list[Any]:
    """Return the first values of a column as plain JSON, None where one is missing."""
    series = frame.column(column)
    values = series.values.head(MOST_SHOWN).tolist()
    texts = values if series.kind in ("int", "real") else [label(series.kind, v) for v in values]
    missing = frame.missing(column)
    return [None if missing[row] else value for row, value in enumerate(texts)]


def _naming(frame: Frame, dataset: Dataset) -> str | None:
    """Return the first column declared unique whose values, as they stand, can name rows."""
    return next(
        (
            name
            for name, declared in dataset.columns.items()
            if declared.unique
            and declared.type in NAMING
            and declared.transform is None
            and not frame.missing(name).any()
        ),
        None,
    )


def _refuse_empty(path: Path, key: str, dataset: Dataset, dropped: int) -> None:
    """Say that a table has no row to use."""
    what = f"no row of {path} is left" if dataset.where or dropped else f"{path} has no rows"
    what += f"; {dropped} were dropped for missing values" if dropped else ""
    selection = f"{key}.where" if dataset.where else key
    stop([Fault(what, key=selection, value=dict(dataset.where) or None)])


def _require(path: Path, keys: Mapping[str, str]) -> None:
    header = read_header(path)
    shown = ", ".join(name for name in header if name)
    stop(
        [
            Fault(
                f"{path} has no column `{name}`",
                key=key,
                allowed=f"its columns: {shown}",
                todo=suggestion(name, header),
            )
            for name, key in keys.items()
            if name not in header
        ]
    )


def _select(raw: Raw, where: Mapping[str, Sequence[object]]) -> Raw:
    chosen = np.ones(len(raw.lines), dtype=bool)
    for column, values in where.items():
        texts, codes = distinct(raw.cells[column])
        chosen &= np.array([*(any(_is(t, w) for w in values) for t in texts), False])[codes]
    return raw.take(chosen) if where else raw


def _convert_all(
    path: Path,
    columns: Sequence[str],
    dataset: Dataset,
    rule_of: Mapping[str, Rule],
    reals: Collection[str],
) -> tuple[Raw, dict[str, Converted]]:
    """Return the rows that `where:` selects, and their columns as rules read them."""
    raw = _select(read_columns(path, columns, dataset.na, reals), dataset.where)
    converted = {}
    for name, rule in rule_of.items():
        converted[name] = convert(rule, raw)
        raw.cells.pop(name)  # its text is as large as all numbers together
    return raw, converted


def _is(cell: str, value: object) -> bool:
    """Whether a cell holds a declared value: numbers by size, truth by meaning, else by text."""
    try:
        if isinstance(value, bool):
            return parse_bool(cell) == value
        if isinstance(value, int | float):
            return parse_real(cell) == value
    except ValueError:
        return False
    return cell == str(value)


def _complete(
    name: str,
    raw: Raw,
    rule_of: Mapping[str, Rule],
    converted: Mapping[str, Converted],
    *,
    drop: bool,
) -> tuple[NDArray[np.bool_], list[Drop]]:
    """Return which rows have all values that they must; the others are dropped, or faults."""
    columns = [column for column in converted if not rule_of[column].optional]
    if not columns:
        return np.ones(len(raw.lines), dtype=bool), []
    missing = np.column_stack([converted[column].missing for column in columns])
    if not drop:
        stop(
            at_rows(
                np.argwhere(missing).tolist(),
                lambda cell: Fault(
                    f"column `{columns[cell[1]]}` has no value",
                    where=raw.location(cell[0]),
                    key=rule_of[columns[cell[1]]].key,
                    allowed="a value in every row",
                    todo="correct the table; or declare `missing: drop` to leave such rows out; or "
                    "give the program observed(), missing() and values() of the column",
                ),
                alike=lambda cell: cell[1],
            )
        )
    keep = ~missing.any(axis=1)
    first = missing.argmax(axis=1)
    dropped = [
        Drop(name, int(raw.lines[row]), columns[first[row]], "missing")
        for row in np.flatnonzero(~keep).tolist()
    ]
    return keep, dropped


def _repeated(frame: Frame, rule: Rule) -> list[Fault]:
    """Return a fault for each row that repeats the value of an earlier one."""
    present = np.flatnonzero(~frame.missing(rule.name))
    codes, _ = pd.factorize(frame.table[rule.name].iloc[present])
    firsts = np.arange(len(frame))
    firsts[present] = present[np.unique(codes, return_index=True)[1][codes]]
    rows = np.flatnonzero(firsts != np.arange(len(frame))).tolist()
    values = frame.table[rule.name].tolist() if rows else []

    def fault(row: int) -> Fault:
        value, first = values[row], frame.location(int(firsts[row]))
        what = f"column `{rule.name}` repeats {value!r}, first at {first}"
        where, allowed = frame.location(row), "every value once"
        return Fault(what, where=where, key=rule.key, value=value, allowed=allowed)

    return at_rows(rows, fault, alike=firsts.__getitem__)


def _sort(frame: Frame, by: Sequence[str]) -> Frame:
    """Sort rows by columns, the first counting most; categories in the order of their levels."""
    if not by:
        return frame
    keys = pd.DataFrame({name: _rank(frame.column(name)) for name in by})
    return frame.take(keys.sort_values(list(by), kind="stable").index.to_numpy())


def _rank(series: Series) -> NDArray[Any]:
    """Return numbers as they are, and texts as the places of their levels."""
    if series.kind in NUMERIC:
        return series.values.to_numpy()
    codes, labels = series.factor()
    rank = {level: rank for rank, level in enumerate(series.levels())}
    return np.array([rank[text] for text in labels])[codes]


def transformed(
    frame: Frame, rule_of: Mapping[str, Rule], constants: Mapping[str, Constants]
) -> Frame:
    """Return a frame with its columns transformed, by their constants where these are settled.

    Raises:
        DataError: a value has no transform.
    """
    rules = {name: rule for name, rule in rule_of.items() if rule.transform is not None}
    results = {name: _transformed(frame, rule, constants.get(name)) for name, rule in rules.items()}
    stop([fault for result in results.values() for fault in result.faults])
    table = frame.table.copy(deep=False)
    for name, result in results.items():
        table[name] = result.values
    return replace(
        frame,
        table=table,
        kinds={**frame.kinds, **dict.fromkeys(results, "real")},
        transforms={name: result.constants for name, result in results.items()},
    )


def _transformed(frame: Frame, rule: Rule, fixed: Constants | None) -> Transformed:
    """Transform a column, by the values that it has."""
    if rule.name not in frame.absent:
        return transform(rule, frame.column(rule.name), frame.location, fixed)
    rows = np.flatnonzero(~frame.missing(rule.name))
    if not len(rows) and fixed is None:
        what = f"column `{rule.name}` has no value in any row, and cannot be transformed"
        fault = Fault(what, key=f"{rule.key}.transform", todo="remove the transform")
        return Transformed(np.zeros(len(frame)), {}, [fault])
    present = frame.take(rows)
    result = transform(rule, present.column(rule.name), present.location, fixed)
    values = np.zeros(len(frame))
    values[rows] = result.values
    return replace(result, values=values)

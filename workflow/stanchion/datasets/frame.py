"""A dataset's rows, ready for use: selected, checked, complete, sorted, transformed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from stanchion.datasets.faults import stop, suggestion
from stanchion.datasets.read import Raw, place, read_columns, read_header
from stanchion.datasets.rules import Converted, Rule, Series, convert
from stanchion.datasets.transforms import Transform, transform
from stanchion.datasets.values import parse_bool, parse_real
from stanchion.errors import Fault

if TYPE_CHECKING:
    from stanchion.config import Dataset


@dataclass(frozen=True)
class Drop:
    """A row that was left out: its line in the file, and why."""

    dataset: str
    row: int
    column: str
    why: str


@dataclass(frozen=True)
class Frame:
    """Columns of equal length; `lines` says where each row stands in the file."""

    dataset: str
    path: Path
    lines: list[int]
    columns: dict[str, Series]
    dropped: list[Drop]
    transforms: dict[str, Transform]

    def place(self, row: int) -> str:
        """Return where a row stands."""
        return place(self.path, self.lines[row])

    def take(self, rows: Sequence[int]) -> Frame:
        """Return these rows, in this order."""
        columns = {
            name: replace(series, values=[series.values[row] for row in rows])
            for name, series in self.columns.items()
        }
        return replace(self, lines=[self.lines[row] for row in rows], columns=columns)


def make_frame(
    name: str,
    dataset: Dataset,
    path: Path,
    rules: Sequence[Rule],
    constants: Mapping[str, Transform] | None = None,
) -> Frame:
    """Read the columns that rules ask for, and those of `where:` and `sort:`.

    The rows that `where:` selects are checked; those with a missing value are faults, or are
    dropped and recorded. `constants` are the transforms' constants where other rows fixed them.

    Raises:
        DataError: the table does not hold what is asked of it.
    """
    key = f"datasets.{name}"
    asked = {rule.name: rule for rule in rules}
    for column in dataset.sort:
        asked.setdefault(column, Rule(column, f"{key}.sort"))
    selecting = {column: f"{key}.where.{column}" for column in dataset.where}
    _require(path, {**selecting, **{rule.name: rule.key for rule in asked.values()}})
    raw = read_columns(path, sorted({*asked, *selecting}), dataset.na)
    raw = _select(raw, dataset.where)
    converted = {column: convert(rule, raw) for column, rule in asked.items()}
    stop([fault for column in converted.values() for fault in column.faults])
    keep, dropped = _complete(name, raw, asked, converted, drop=dataset.missing == "drop")
    if not keep:
        _nothing_left(path, key, dataset, len(dropped))
    columns = {n: c.series(asked[n], keep) for n, c in converted.items()}
    frame = Frame(name, path, [raw.lines[row] for row in keep], columns, dropped, {})
    stop(_repeated(frame, asked))
    return _transform(_sort(frame, dataset.sort), asked, constants or {})


def _nothing_left(path: Path, key: str, dataset: Dataset, dropped: int) -> None:
    """Say that a table has no row to use."""
    what = f"no row of {path} is left" if dataset.where or dropped else f"{path} has no rows"
    what += f"; {dropped} were dropped for missing values" if dropped else ""
    selection = f"{key}.where" if dataset.where else key
    stop([Fault(what, key=selection, value=dict(dataset.where) or None)])


def _require(path: Path, asked: Mapping[str, str]) -> None:
    there = read_header(path)
    shown = ", ".join(name for name in there if name)
    stop(
        [
            Fault(
                f"{path} has no column `{name}`",
                key=key,
                allowed=f"its columns: {shown}",
                todo=suggestion(name, there),
            )
            for name, key in asked.items()
            if name not in there
        ]
    )


def _select(raw: Raw, where: Mapping[str, Sequence[object]]) -> Raw:
    if not where:
        return raw
    chosen = [
        row
        for row in range(len(raw.lines))
        if all(any(_is(raw.cells[c][row], w) for w in wanted) for c, wanted in where.items())
    ]
    cells = {name: [column[row] for row in chosen] for name, column in raw.cells.items()}
    return Raw(raw.path, [raw.lines[row] for row in chosen], cells)


def _is(cell: str | None, wanted: object) -> bool:
    """Whether a cell holds a declared value: numbers by size, truth by meaning, else by text."""
    if cell is None:
        return False
    try:
        if isinstance(wanted, bool):
            return parse_bool(cell) == wanted
        if isinstance(wanted, int | float):
            return parse_real(cell) == wanted
    except ValueError:
        return False
    return cell == str(wanted)


def _complete(
    name: str,
    raw: Raw,
    asked: Mapping[str, Rule],
    converted: Mapping[str, Converted],
    *,
    drop: bool,
) -> tuple[list[int], list[Drop]]:
    """Return the rows without a missing value; the others are dropped, or faults."""
    gone: dict[int, list[str]] = {}
    for column in converted:
        for row, value in enumerate(converted[column].values):
            if value is None:
                gone.setdefault(row, []).append(column)
    if not drop:
        stop(
            [
                Fault(
                    f"column `{column}` has no value",
                    where=raw.place(row),
                    key=asked[column].key,
                    allowed="a value in every row",
                    todo="correct the table, or declare `missing: drop` to leave such rows out",
                )
                for row, columns in sorted(gone.items())
                for column in columns
            ]
        )
    dropped = [Drop(name, raw.lines[row], gone[row][0], "missing") for row in sorted(gone)]
    return [row for row in range(len(raw.lines)) if row not in gone], dropped


def _repeated(frame: Frame, asked: Mapping[str, Rule]) -> list[Fault]:
    faults = []
    for name, series in frame.columns.items():
        if not asked[name].unique:
            continue
        first: dict[object, int] = {}
        for row, value in enumerate(series.values):
            if first.setdefault(value, row) != row:
                what = f"column `{name}` repeats {value!r}, first at {frame.place(first[value])}"
                allowed = "every value once"
                where, key = frame.place(row), asked[name].key
                faults.append(Fault(what, where=where, key=key, value=value, allowed=allowed))
    return faults


def _sort(frame: Frame, by: Sequence[str]) -> Frame:
    """Sort rows by columns, the first counting most; categories in the order of their levels."""
    if not by:
        return frame
    keys = []
    for name in by:
        series = frame.columns[name]
        ranked = series.kind == "category"
        rank = {level: i for i, level in enumerate(series.levels())} if ranked else {}
        keys.append([rank[str(v)] for v in series.values] if ranked else series.values)
    rows = range(len(frame.lines))
    return frame.take(sorted(rows, key=lambda row: tuple(key[row] for key in keys)))


def _transform(
    frame: Frame, asked: Mapping[str, Rule], constants: Mapping[str, Transform]
) -> Frame:
    wanted = {name: rule for name, rule in asked.items() if rule.transform is not None}
    done = {
        name: transform(rule, frame.columns[name], frame.place, constants.get(name))
        for name, rule in wanted.items()
    }
    stop([fault for result in done.values() for fault in result.faults])
    columns = {**frame.columns, **{name: result.series for name, result in done.items()}}
    transforms = {name: result.constants for name, result in done.items()}
    return replace(frame, columns=columns, transforms=transforms)

"""Expressions of the language on the rows of a table: its columns are the names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.datasets.expressions import Derived
from stanchion.datasets.faults import at_rows, stop
from stanchion.datasets.frame import Frame
from stanchion.datasets.positions import positions
from stanchion.errors import DataError, Fault
from stanchion.expressions.check import Axis, Kind, Type, check
from stanchion.expressions.evaluate import UndefinedError, evaluate
from stanchion.expressions.faults import ExpressionError, at_character
from stanchion.expressions.tree import Call, Name, Node, walk

ROWS = Axis("the rows", indexed=False)
_TYPES: dict[str, Type] = {
    "int": "int",
    "real": "real",
    "bool": "condition",
    "category": "text",
    "date": "date",
}


@dataclass(frozen=True)
class Columns:
    """The columns of a table as names of an expression.

    `fitted` are the rows whose levels count, and whose reductions are taken for new rows too.
    `ncol` counts the columns of a Stan variable; rows are numbered from `start` + 1.
    """

    frame: Frame
    fitted: Frame
    key: str
    levels: Callable[[str], tuple[str, ...]]
    ncol: Callable[[str], int]
    start: int = 0

    def value(self, derived: Derived) -> Any:
        """Return an expression's value: a number, or an array of them.

        Raises:
            DataError: types or shapes do not go together, a value is not finite, or new rows have
                a level that the fitted ones do not.
        """
        try:
            typed = check(derived.source, derived.tree, self)
            values = evaluate(typed, self)
        except ExpressionError as error:
            raise DataError(
                str(error),
                key=self.key,
                value=derived.source,
                allowed=error.allowed,
                todo=error.todo,
            ) from None
        except UndefinedError as error:
            stop(_undefined(error, self.key))
            raise
        integer = typed.kind.type != "real"
        if not integer:
            values = values.astype(np.float64) + 0.0
        elif values.dtype != object:
            values = values.astype(np.int64)
        if not typed.kind.axes:
            return values.item()
        return values

    @cached_property
    def settled(self) -> Columns:
        """The columns that reductions are of: those of the fitted rows."""
        if self.frame is self.fitted:
            return self
        return Columns(self.fitted, self.fitted, self.key, self.levels, self.ncol)

    def names(self) -> Iterable[str]:
        """Return the columns."""
        return self.frame.kinds

    def kind(self, name: str) -> Kind | None:
        """Return the type of a column, by row."""
        if name not in self.frame.kinds:
            return None
        kind = _TYPES[self.frame.kinds[name]]
        return Kind(kind, (ROWS,), self.levels(name) if kind == "text" else None)

    def full_kind(self, name: str) -> Kind:
        """Return the type of a column that is there."""
        kind = self.kind(name)
        assert kind is not None
        return kind

    def call_kind(self, call: Call, source: str) -> Kind:
        """Return the type and the shape of a function of rows."""
        match call.function:
            case "row" | "index":
                return Kind("int", (ROWS,))
            case "observed" | "missing" as function:
                return Kind("int", (_rows(f"{function} in {_column(call)}"),))
            case "values":
                column = _column(call)
                kind = _TYPES[self.frame.kinds[column]]
                if kind not in ("int", "real", "condition"):
                    what = f"column `{column}` is a {self.frame.kinds[column]}, not a number"
                    raise at_character(source, call.span[0], what)
                return Kind(kind, (_rows(f"observed in {column}"),))
        return Kind("int")

    def values(self, name: str) -> NDArray[Any]:
        """Return a column: texts, days since 0001-01-01, numbers, or truth."""
        series = self.frame.column(name)
        match series.kind:
            case "category":
                levels = self.levels(name)
                numbers = positions(series, levels, self.frame.location, self.key)
                return np.array([*levels], dtype=object)[numbers - 1]
            case "date":
                codes, labels = series.factor()
                days = [date.fromisoformat(text).toordinal() for text in labels]
                return np.array(days, dtype=np.int64)[codes]
            case "bool":
                return series.values.to_numpy().astype(bool)
        return series.values.to_numpy()

    def call(self, call: Call) -> NDArray[Any]:
        """Return what a function of rows gives."""
        column = _column(call) if call.arguments else ""
        match call.function:
            case "nrow":
                return np.asarray(len(self.frame))
            case "row":
                return np.arange(self.start + 1, self.start + len(self.frame) + 1)
            case "ncol":
                return np.asarray(self.ncol(column))
            case "nlevels":
                return np.asarray(len(self.levels(column)))
            case "index":
                series, levels = self.frame.column(column), self.levels(column)
                return positions(series, levels, self.frame.location, self.key)
        absent = self.frame.missing(column)
        match call.function:
            case "observed":
                return np.flatnonzero(~absent) + 1
            case "missing":
                return np.flatnonzero(absent) + 1
            case "nobserved":
                return np.asarray(int((~absent).sum()))
            case "nmissing":
                return np.asarray(int(absent.sum()))
            case "values":
                return self.values(column)[~absent]
        raise TypeError(f"{call.function} is no function of rows")

    def row_of(self, axes: tuple[Axis, ...], index: int) -> int | None:
        """Return the row of a value by its index; None where it is of no row."""
        for axis in axes:
            if axis == ROWS:
                return index
            for word, missing in (("observed", False), ("missing", True)):
                prefix = f"the rows {word} in "
                if axis.name.startswith(prefix):
                    column = axis.name.removeprefix(prefix)
                    return self.frame.row_of(column, index, missing=missing)
        return None


def _undefined(error: UndefinedError, key: str) -> list[Fault]:
    """Return the faults of values that are not finite, by row."""
    columns, axes = error.environment, error.typed.kind.axes
    assert isinstance(columns, Columns)
    todo = _transformed(error.typed.node, columns.frame)

    def fault(index: tuple[int, ...]) -> Fault:
        what, value = error.says(index)
        row = columns.row_of(axes, index[0]) if index else None
        where = columns.frame.location(row) if row is not None else None
        return Fault(what, where=where, key=key, value=value, allowed=error.allowed, todo=todo)

    return at_rows([tuple(index) for index in np.argwhere(error.mask).tolist()], fault)


def _transformed(node: Node, frame: Frame) -> str | None:
    """Say of the first transformed column in an expression that its values are not the file's."""
    names = (part.name for part in walk(node) if isinstance(part, Name))
    name = next((name for name in names if name in frame.transforms), None)
    if name is None:
        return None
    kind = frame.transforms[name]["kind"]
    return f"`{name}` is what `transform: {kind}` makes of the file's values: use one of the two"


def _rows(which: str) -> Axis:
    return Axis(f"the rows {which}", indexed=False)


def _column(call: Call) -> str:
    (argument,) = call.arguments
    assert isinstance(argument, Name)
    return argument.name

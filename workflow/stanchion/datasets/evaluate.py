"""Expressions to values: numbers and arrays of them, and sizes with their labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.datasets.derived import Columns as DerivedColumns
from stanchion.datasets.design import Design, Formula, fit_design
from stanchion.datasets.expressions import (
    Applied,
    Column,
    ColumnCount,
    Columns,
    Constant,
    Derived,
    DesignMatrix,
    Expression,
    Index,
    LevelCount,
    Lookup,
    RowCount,
)
from stanchion.datasets.faults import stop
from stanchion.datasets.frame import Frame
from stanchion.datasets.positions import positions
from stanchion.datasets.rules import NUMERIC
from stanchion.errors import DataError, Fault
from stanchion.expressions.faults import suggestion


@dataclass(frozen=True)
class Size:
    """What a size counts: a dimension's name, and the labels along it where it has any.

    `factor` is the column whose levels or values the labels are.
    """

    dim: str
    labels: tuple[str, ...] | None = None
    factor: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return dim, labels, and the factor where there is one."""
        labels = None if self.labels is None else list(self.labels)
        factor = {} if self.factor is None else {"factor": self.factor}
        return {"dim": self.dim, "labels": labels, **factor}


@dataclass
class Evaluator:
    """Evaluates a mapping on the fitted rows, and on the rows of the datasets it is applied to.

    `key` says which key of the declaration gives a Stan variable.
    """

    mapping: Mapping[str, Expression]
    fitted: Frame
    applied: Mapping[str, Frame]
    looked_up: Mapping[str, Frame]
    key: Callable[[str], str]
    starts: Mapping[str, int] = field(default_factory=dict)
    """Variable → how many rows come before those that it is evaluated on."""
    sizes: dict[str, Size] = field(default_factory=dict)
    designs: dict[str, Design] = field(default_factory=dict)

    def value(self, variable: str) -> Any:
        """Return a Stan variable's value: a number, an array of rows, or the lists of a constant.

        Raises:
            DataError: what it needs is not there, or does not fit.
        """
        expression, frame = self.mapping[variable], self.fitted
        if isinstance(expression, Applied):
            frame = self.applied[expression.dataset]
            expression = self._applied(expression, variable)
        return self._evaluate(expression, frame, variable)

    def _applied(self, applied: Applied, variable: str) -> Expression:
        if not isinstance(applied.of, str):
            return applied.of
        expression = self._of_mapping(applied.of, variable)
        if isinstance(expression, Applied):
            what = f"`{applied.of}` is itself taken from dataset {expression.dataset}"
            raise DataError(what, key=self.key(variable))
        return expression

    def _of_mapping(self, name: str, variable: str) -> Expression:
        if name not in self.mapping:
            raise DataError(
                f"`{name}` is no Stan variable of this mapping",
                key=self.key(variable),
                allowed=", ".join(self.mapping),
                todo=suggestion(name, self.mapping),
            )
        return self.mapping[name]

    def _evaluate(self, expression: Expression, frame: Frame, variable: str) -> Any:
        match expression:
            case Constant(value):
                return value
            case Column(name):
                return self._numbers(name, frame, variable)
            case Columns(names):
                return _side_by_side([self._numbers(name, frame, variable) for name in names])
            case RowCount():
                return self._count(variable, self._row_size(frame), frame)
            case LevelCount(column):
                return self._count(variable, Size(self._dim(column), self._levels(column), column))
            case ColumnCount(of):
                return self._column_count(variable, of)
            case Index(column):
                levels = self._levels(column)
                return positions(frame.column(column), levels, frame.location, self.key(variable))
            case Lookup():
                return self._lookup(expression, variable)
            case DesignMatrix(formula):
                design = self._design(formula, variable)
                return design.matrix if frame is self.fitted else design.apply(frame)
            case Derived():
                return self._derived(expression, frame, variable)
            case Applied():
                raise TypeError("an expression is applied to one dataset at a time")

    def _derived(self, derived: Derived, frame: Frame, variable: str) -> Any:
        columns = DerivedColumns(
            frame,
            self.fitted,
            self.key(variable),
            self._levels,
            lambda of: self._columns_of(of, variable)[0],
            self.starts.get(variable, 0),
        )
        return columns.value(derived)

    def _numbers(self, name: str, frame: Frame, variable: str) -> NDArray[Any]:
        series = frame.column(name)
        if series.kind not in NUMERIC:
            raise DataError(
                f"column `{name}` is a {series.kind}, not a number",
                key=self.key(variable),
                todo=f"use `index({name})` for its levels, counted from 1",
            )
        return series.values.to_numpy()

    def _levels(self, column: str) -> tuple[str, ...]:
        series = self.fitted.column(column)
        if series.kind == "real":
            key = f"datasets.{self.fitted.dataset}.columns.{column}"
            what = f"column `{column}` holds real numbers, which have no levels"
            raise DataError(what, key=key, todo="declare it as a category, or as int")
        return series.levels()

    def _row_size(self, frame: Frame) -> Size:
        dim = "obs" if frame is self.fitted else f"{frame.dataset}_obs"
        return Size(dim, frame.row_labels(), frame.labelled_by)

    def _count(self, variable: str, size: Size, frame: Frame | None = None) -> int:
        self.sizes[variable] = size
        return len(size.labels or ()) if frame is None else len(frame)

    def _column_count(self, variable: str, of: str) -> int:
        count, labels = self._columns_of(of, variable)
        self.sizes[variable] = Size(f"{of}_column", labels)
        return count

    def _columns_of(self, of: str, variable: str) -> tuple[int, tuple[str, ...] | None]:
        """Return how many columns a matrix of the mapping has, and their labels."""
        matrix = self._of_mapping(of, variable)
        if isinstance(matrix, Applied):
            matrix = self._applied(matrix, variable)
        match matrix:
            case Columns(names):
                return len(names), names
            case Constant([[*first], *_]):
                return len(first), None
            case DesignMatrix(formula):
                labels = self._design(formula, of).labels
                return len(labels), labels
        raise DataError(f"`{of}` is not a matrix", key=self.key(variable))

    def _design(self, formula: str, variable: str) -> Design:
        if formula not in self.designs:
            declared = Formula(formula, self.key(variable))
            self.designs[formula] = fit_design(declared, self.fitted)
        return self.designs[formula]

    def _lookup(self, lookup: Lookup, variable: str) -> NDArray[Any]:
        other = self.looked_up[lookup.dataset]
        values = self._numbers(lookup.column, other, variable)
        codes, labels = other.column(lookup.by).factor()
        row_of = {label: row for row, label in enumerate(np.array(labels)[codes].tolist())}
        levels = self._levels(lookup.by)
        stop(
            [
                Fault(
                    f"dataset {lookup.dataset} has no row for {lookup.by} {level!r}",
                    where=str(other.path),
                    key=self.key(variable),
                    value=level,
                    allowed=f"one row for each level of {lookup.by}",
                    todo=suggestion(level, row_of),
                )
                for level in levels
                if level not in row_of
            ]
        )
        return values[[row_of[level] for level in levels]]

    def _dim(self, column: str) -> str:
        return f"{column}_level" if column in self.mapping else column


def _side_by_side(columns: list[NDArray[Any]]) -> NDArray[Any]:
    """Return columns as a matrix by rows; integers beside real numbers stay integers."""
    if len({column.dtype for column in columns}) > 1:
        columns = [column.astype(object) for column in columns]
    return np.column_stack(columns)

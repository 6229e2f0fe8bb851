"""The rows of a mapping: those of the fitted dataset, and of datasets that update it, one on end.

New rows of the same kind are the mapping applied to another dataset, as in `new.X`, so that they
are held to the fitted rows' types, levels and constants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stanchion.datasets.agree import Cell, Cells
from stanchion.datasets.expressions import (
    Applied,
    Column,
    Columns,
    Derived,
    DesignMatrix,
    Expression,
    Index,
    RowCount,
)
from stanchion.datasets.frame import Frame
from stanchion.datasets.needs import has_row_each, optional_columns
from stanchion.datasets.request import UPDATED
from stanchion.datasets.sources import Sources
from stanchion.expressions.tree import Call, walk

_BY_ROW = (Column, Columns, DesignMatrix, Index)


@dataclass(frozen=True)
class Rows:
    """A parsed mapping, and the datasets whose rows follow."""

    mapping: Mapping[str, Expression]
    updates: Sequence[str]

    @property
    def expressions(self) -> dict[str, Expression]:
        """The mapping, and beside what is by row or counts rows the same of each update."""
        return {**self.mapping} | {
            f"{variable}{UPDATED}{dataset}": Applied(dataset, self._of(variable))
            for dataset in self.updates
            for variable, expression in self.mapping.items()
            if _is_by_row(expression) or isinstance(expression, RowCount)
        }

    def _of(self, variable: str) -> Expression | str:
        expression = self.mapping[variable]
        return expression if isinstance(expression, RowCount) else variable

    def joined(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the mapping, with the rows of updates at their end."""
        whole = {name: value for name, value in values.items() if UPDATED not in name}
        if not self.updates:
            return whole
        for variable, expression in self.mapping.items():
            parts = [values[variable]]
            parts += [values.get(f"{variable}{UPDATED}{dataset}") for dataset in self.updates]
            if isinstance(expression, RowCount):
                whole[variable] = sum(parts)
            elif _is_by_row(expression):
                whole[variable] = np.concatenate(parts)
        return whole

    def starts(self, sources: Sources) -> dict[str, int]:
        """Return how many rows come before those that a variable of an update is evaluated on."""
        starts: dict[str, int] = {}
        start = len(sources.fitted)
        for dataset in self.updates:
            starts |= {f"{variable}{UPDATED}{dataset}": start for variable in self.mapping}
            start += len(sources.applied[dataset])
        return starts

    def cells(self, sources: Sources) -> Cells:
        """Return what finds the cell of a value that stands in a column."""
        fitted = [sources.fitted, *(sources.applied[name] for name in self.updates)]

        def cell(variable: str, index: tuple[int, ...]) -> Cell | None:
            expression: Expression | str | None = self.mapping.get(variable)
            frames = fitted
            if isinstance(expression, Applied):
                frames = [sources.applied[expression.dataset]]
                of = expression.of
                expression = self.mapping.get(of) if isinstance(of, str) else of
            if isinstance(expression, Column):
                return _cell(frames, index[0], expression.name)
            if isinstance(expression, Columns) and len(index) > 1:
                return _cell(frames, index[0], expression.names[index[1]])
            if isinstance(expression, Derived):
                row = index[0]
                if not has_row_each(expression.tree):
                    row = _observed_row(expression, frames[0], row)
                return _cell(frames, row, expression.source, "expression")
            return None

        return cell


def _is_by_row(expression: Expression) -> bool:
    if isinstance(expression, Derived):
        return has_row_each(expression.tree)
    return isinstance(expression, _BY_ROW)


def _observed_row(derived: Derived, frame: Frame, index: int) -> int:
    """Return the row of a value by its position among those that are observed, or missing."""
    for call in walk(derived.tree):
        if isinstance(call, Call) and call.function in ("values", "observed", "missing"):
            (name,) = optional_columns(call)
            return frame.row_of(name.name, index, missing=call.function == "missing")
    return index


def _cell(frames: Sequence[Frame], row: int, column: str, what: str = "column") -> Cell | None:
    for frame in frames:
        if row < len(frame):
            return Cell(frame.location(row), column, what)
        row -= len(frame)
    return None

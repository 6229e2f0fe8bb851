"""Which columns of which dataset the expressions of a mapping need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stanchion.datasets.expressions import (
    Applied,
    Column,
    Columns,
    DesignMatrix,
    Expression,
    Index,
    LevelCount,
    Lookup,
)
from stanchion.datasets.formulas import formula_columns


@dataclass
class Need:
    """Column → the first Stan variable that asks for it; `numeric` are those used as numbers."""

    variables: dict[str, str] = field(default_factory=dict)
    numeric: set[str] = field(default_factory=set)

    def add(self, column: str, variable: str, *, numeric: bool = False) -> None:
        """Note that a variable needs a column."""
        self.variables.setdefault(column, variable)
        if numeric:
            self.numeric.add(column)


@dataclass
class Needs:
    """What is needed of the fitted rows, of rows to apply the mapping to, and of rows to look up.

    A lookup needs, besides its columns, to know which of them is the key.
    """

    fitted: Need = field(default_factory=Need)
    applied: dict[str, Need] = field(default_factory=dict)
    looked_up: dict[str, Need] = field(default_factory=dict)
    keys: dict[str, set[str]] = field(default_factory=dict)


def needs_of(mapping: Mapping[str, Expression]) -> Needs:
    """Return what a parsed mapping needs."""
    needs = Needs()
    for variable, expression in mapping.items():
        of: Expression | str | None = expression
        if isinstance(expression, Applied):
            named = isinstance(expression.of, str)
            of = mapping.get(str(expression.of)) if named else expression.of
            new = needs.applied.setdefault(expression.dataset, Need())
            if not isinstance(of, LevelCount | Lookup):
                _add(of, variable, new)
        _add(of, variable, needs.fitted)
        if isinstance(of, Lookup):
            other = needs.looked_up.setdefault(of.dataset, Need())
            other.add(of.column, variable, numeric=True)
            other.add(of.by, variable)
            needs.keys.setdefault(of.dataset, set()).add(of.by)
    return needs


def _add(expression: Expression | str | None, variable: str, need: Need) -> None:
    match expression:
        case Column(name):
            need.add(name, variable, numeric=True)
        case Columns(names):
            for name in names:
                need.add(name, variable, numeric=True)
        case Index(column) | LevelCount(column) | Lookup(by=column):
            need.add(column, variable)
        case DesignMatrix(formula):
            for name in formula_columns(formula):
                need.add(name, variable)
        case _:
            pass

"""Which columns of which dataset the expressions of a mapping need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stanchion.datasets.expressions import (
    Applied,
    Column,
    Columns,
    Derived,
    DesignMatrix,
    Expression,
    Index,
    LevelCount,
    Lookup,
)
from stanchion.datasets.formulas import formula_columns
from stanchion.expressions.catalogue import FUNCTIONS
from stanchion.expressions.tree import Binary, Call, Name, Node, Text, Unary, walk

NUMBER, DATE = "number", "date"
WITH_MISSING = frozenset({"observed", "missing", "values", "nobserved", "nmissing"})
"""Functions of a column that may have missing values."""


@dataclass
class Need:
    """Column → the first Stan variable that asks for it, of those that need every value if any do.

    `kinds` says of some what they are used as, `number` or `date`; those that are not `required`
    in every row may have missing values.
    """

    variables: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)

    def add(
        self, column: str, variable: str, *, kind: str | None = None, required: bool = True
    ) -> None:
        """Note that a variable needs a column."""
        if column not in self.variables or (required and column not in self.required):
            self.variables[column] = variable
        if kind is not None:
            self.kinds.setdefault(column, kind)
        if required:
            self.required.add(column)

    @property
    def optional(self) -> set[str]:
        """Columns that are used only where missing values are provided for."""
        return self.variables.keys() - self.required


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
            other.add(of.column, variable, kind=NUMBER)
            other.add(of.by, variable)
            needs.keys.setdefault(of.dataset, set()).add(of.by)
    return needs


def _add(expression: Expression | str | None, variable: str, need: Need) -> None:
    match expression:
        case Column(name):
            need.add(name, variable, kind=NUMBER)
        case Columns(names):
            for name in names:
                need.add(name, variable, kind=NUMBER)
        case Index(column) | LevelCount(column) | Lookup(by=column):
            need.add(column, variable)
        case DesignMatrix(formula):
            for name in formula_columns(formula):
                need.add(name, variable)
        case Derived(tree=tree):
            _add_tree(tree, variable, need, NUMBER)
        case _:
            pass


def _add_tree(node: Node, variable: str, need: Need, kind: str | None) -> None:
    """Note the columns of a tree, whose own value is used as of this kind."""
    match node:
        case Name(name):
            need.add(name, variable, kind=kind)
        case Unary(operator, operand):
            _add_tree(operand, variable, need, None if operator == "not" else NUMBER)
        case Binary(operator, left, right):
            used = NUMBER if operator in ("+", "-", "*", "/", "^") else None
            if operator in ("<", "<=", ">", ">=") and not isinstance(left, Text):
                used = None if isinstance(right, Text) else NUMBER
            for side in (left, right):
                _add_tree(side, variable, need, used)
        case Call("ncol"):
            pass
        case Call(function, arguments) if function in WITH_MISSING:
            (column,) = arguments
            values = NUMBER if function == "values" else None
            assert isinstance(column, Name)
            need.add(column.name, variable, kind=values, required=False)
        case Call(function, arguments):
            takes = {"numbers": NUMBER, "date": DATE}
            for parameter, argument in zip(FUNCTIONS[function].parameters, arguments, strict=True):
                _add_tree(argument, variable, need, takes.get(parameter.takes))


def optional_columns(tree: Node) -> list[Name]:
    """Return the names of columns that may have missing values, by which a tree asks for them."""
    calls = [n for n in walk(tree) if isinstance(n, Call) and n.function in WITH_MISSING]
    return [name for call in calls for name in call.arguments if isinstance(name, Name)]


def has_row_each(node: Node) -> bool:
    """Whether a tree gives a value for each row."""
    match node:
        case Name():
            return True
        case Unary(operand=operand):
            return has_row_each(operand)
        case Binary(left=left, right=right):
            return has_row_each(left) or has_row_each(right)
        case Call(function, arguments):
            row = FUNCTIONS[function]
            if row.how == "reduction":
                return False
            alone = row.how == "data" and function != "days"
            return function in ("row", "index") if alone else any(map(has_row_each, arguments))
    return False

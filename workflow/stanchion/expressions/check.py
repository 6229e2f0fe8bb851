"""Names, labels, types and shapes of an expression, held to a scope without computing anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, Protocol

from stanchion.expressions.catalogue import FUNCTIONS, Function
from stanchion.expressions.faults import ExpressionError, at_character, suggestion
from stanchion.expressions.parser import written
from stanchion.expressions.tree import Binary, Call, Name, Node, Number, Text, Unary

Type = Literal["int", "real", "condition", "text", "date"]
_SHOWN = 12
_WORDS = {
    "int": "whole numbers",
    "real": "real numbers",
    "condition": "a condition",
    "text": "texts",
    "date": "dates",
}
_NUMBERS = ("int", "real", "condition")
_ORDER = ("<", "<=", ">", ">=")


@dataclass(frozen=True)
class Axis:
    """One dimension: what it counts, how many where that is known, and the labels along it.

    Where it is not `indexed` none of its elements can be asked for.
    """

    name: str
    size: int | None = None
    labels: tuple[str, ...] | None = None
    indexed: bool = True


@dataclass(frozen=True)
class Kind:
    """What an expression gives: a type, and its dimensions, none for one number.

    A condition counts as the integers 0 and 1. `levels` are all that a text may be.
    """

    type: Type
    axes: tuple[Axis, ...] = ()
    levels: tuple[str, ...] | None = None


class Scope(Protocol):
    """The names that there are, and the functions of rows."""

    def names(self) -> Iterable[str]:
        """Return all names."""

    def kind(self, name: str) -> Kind | None:
        """Return what a name stands for, None where it is not known."""

    def call_kind(self, call: Call, source: str) -> Kind:
        """Return what a function of rows gives. Raises ExpressionError."""


@dataclass(frozen=True)
class Typed:
    """A node with what it gives, and its parts."""

    source: str
    node: Node
    kind: Kind
    parts: tuple[Typed, ...] = ()

    @property
    def text(self) -> str:
        """The node as it was written."""
        return written(self.source, self.node)


def check(source: str, tree: Node, scope: Scope) -> Typed:
    """Return an expression with the type and the shape of each of its parts.

    Raises:
        ExpressionError: a name or a label that is not there, types or shapes that do not go
            together; the message says at which character.
    """
    return _Checker(source, scope).typed(tree)


def indices(name: Name, kind: Kind) -> tuple[int, ...]:
    """Return where the labels in brackets behind a checked name lie, from 0."""
    return tuple(
        label - 1 if isinstance(label, int) else (axis.labels or ()).index(label)
        for label, axis in zip(name.labels, kind.axes, strict=True)
    )


@dataclass(frozen=True)
class _Checker:
    source: str
    scope: Scope

    def typed(self, node: Node) -> Typed:
        match node:
            case Number(value):
                return self._as(node, Kind("int" if isinstance(value, int) else "real"))
            case Text():
                return self._as(node, Kind("text"))
            case Name():
                return self._as(node, self._name(node))
            case Unary():
                return self._unary(node)
            case Binary(operator="and" | "or"):
                sides = [self._condition(self.typed(side)) for side in (node.left, node.right)]
                return self._as(node, Kind("condition", self._axes(*sides)), *sides)
            case Binary(operator="+" | "-" | "*" | "/" | "^"):
                return self._arithmetic(node)
            case Binary():
                return self._comparison(node)
            case Call():
                return self._call(node)

    def _as(self, node: Node, kind: Kind, *parts: Typed) -> Typed:
        return Typed(self.source, node, kind, parts)

    def _fault(self, node: Node, what: str, *words: str | None) -> ExpressionError:
        return at_character(self.source, node.span[0], what, *words)

    def _name(self, node: Name) -> Kind:
        kind = self.scope.kind(node.name)
        if kind is None:
            names = list(self.scope.names())
            near = suggestion(node.name, names)
            raise self._fault(node, f"there is no `{node.name}`", _listed(names), near)
        if not node.labels:
            return kind
        if not kind.axes:
            raise self._fault(node, f"`{node.name}` is one number, and takes no brackets")
        if len(node.labels) != len(kind.axes):
            what = f"`{node.name}` has {len(node.labels)} in its brackets"
            axes = ", ".join(axis.name for axis in kind.axes)
            raise self._fault(node, what, f"one for each of its dimensions: {axes}")
        for label, axis in zip(node.labels, kind.axes, strict=True):
            self._label(node, label, axis)
        return replace(kind, axes=())

    def _label(self, node: Name, label: str | int, axis: Axis) -> None:
        if isinstance(label, int):
            if label < 1 or (axis.size is not None and label > axis.size):
                positions = f"1 to {axis.size}" if axis.size is not None else "from 1"
                raise self._fault(node, f"`{node.name}` has no position {label}", positions)
            if not axis.indexed:
                raise self._fault(node, f"`{node.name}` takes no brackets: it is of {axis.name}")
        elif axis.labels is None:
            allowed = f"a position, 1 to {axis.size}" if axis.size is not None else None
            raise self._fault(node, f"`{node.name}` has no labels along {axis.name}", allowed)
        elif label not in axis.labels:
            near = suggestion(label, axis.labels)
            raise self._fault(
                node, f"`{node.name}` has no label {label!r}", _listed(axis.labels), near
            )

    def _unary(self, node: Unary) -> Typed:
        operand = self.typed(node.operand)
        if node.operator == "not":
            self._condition(operand)
            return self._as(node, Kind("condition", operand.kind.axes), operand)
        self._number(operand)
        return self._as(node, Kind(_sum_type(operand), operand.kind.axes), operand)

    def _arithmetic(self, node: Binary) -> Typed:
        left, right = (self._number(self.typed(side)) for side in (node.left, node.right))
        kind: Type = "real" if node.operator in "/^" else _sum_type(left, right)
        return self._as(node, Kind(kind, self._axes(left, right)), left, right)

    def _comparison(self, node: Binary) -> Typed:
        left, right = self.typed(node.left), self.typed(node.right)
        left, right = self._dated(left, right), self._dated(right, left)
        types = {"number" if s.kind.type in _NUMBERS else s.kind.type for s in (left, right)}
        if len(types) > 1:
            self._unlike(left, right)
        if "text" in types:
            self._level(left, right)
            self._level(right, left)
            if node.operator in _ORDER:
                what = f"texts have no order, and cannot be compared by `{node.operator}`"
                raise self._fault(node, what, "== and !=", "declare dates as `type: date`")
        return self._as(node, Kind("condition", self._axes(left, right)), left, right)

    def _dated(self, side: Typed, other: Typed) -> Typed:
        """Read a text in quotes beside a date as one."""
        if other.kind.type != "date" or not isinstance(side.node, Text):
            return side
        return self._date(side)

    def _date(self, operand: Typed) -> Typed:
        if isinstance(operand.node, Text):
            if not _is_date(operand.node.value):
                allowed = "a date such as '2026-11-21'"
                raise self._fault(operand.node, f"{operand.text} is no date", allowed)
            return replace(operand, kind=Kind("date"))
        if operand.kind.type != "date":
            what = f"`{operand.text}` holds {_WORDS[operand.kind.type]}, not dates"
            todo = "declare the column as `type: date`"
            raise self._fault(operand.node, what, "a date column, or a date in quotes", todo)
        return operand

    def _unlike(self, left: Typed, right: Typed) -> None:
        words = [f"`{side.text}` ({_WORDS[side.kind.type]})" for side in (left, right)]
        what = f"{words[0]} cannot be compared with {words[1]}"
        todo = None
        if "text" in (left.kind.type, right.kind.type):
            todo = "a category is compared with a text in quotes, a number with a number"
        raise self._fault(left.node, what, None, todo)

    def _level(self, side: Typed, other: Typed) -> None:
        levels = other.kind.levels
        if not isinstance(side.node, Text) or levels is None or side.node.value in levels:
            return
        what = f"`{other.text}` has no level {side.node.value!r}"
        near = suggestion(side.node.value, levels)
        raise self._fault(side.node, what, _listed(levels), near)

    def _call(self, node: Call) -> Typed:
        row = FUNCTIONS[node.function]
        if [parameter.takes for parameter in row.parameters] == ["date", "date"]:
            dates = [self._date(self.typed(argument)) for argument in node.arguments]
            return self._as(node, Kind("int", self._axes(*dates)), *dates)
        if row.how == "data":
            return self._as(node, self.scope.call_kind(node, self.source))
        operand = self._number(self.typed(node.arguments[0]))
        constants = [self._constant(row, argument) for argument in node.arguments[1:]]
        kind: Type = _sum_type(operand) if row.result == "same" else "real"
        if row.how == "elementwise":
            return self._as(node, Kind(kind, operand.kind.axes), operand)
        if not operand.kind.axes:
            what = f"`{operand.text}` is one number, and {row.name}() is of several"
            raise self._fault(node, what)
        return self._as(node, Kind(kind), operand, *constants)

    def _constant(self, row: Function, node: Node) -> Typed:
        if not isinstance(node, Number) or not 0 <= node.value <= 1:
            what = f"`{written(self.source, node)}` in {row.signature}"
            raise self._fault(node, what, "a number from 0 to 1, as it stands")
        return self._as(node, Kind("real"))

    def _number(self, operand: Typed) -> Typed:
        if operand.kind.type in _NUMBERS:
            return operand
        what = f"`{operand.text}` holds {_WORDS[operand.kind.type]}, not numbers"
        todo = {
            "text": f"compare it, as in `{operand.text} == 'a level'`, or use its index()",
            "date": f"write `days({operand.text}, '2020-01-01')`",
        }[operand.kind.type]
        raise self._fault(operand.node, what, None, None if _is_text(operand) else todo)

    def _condition(self, operand: Typed) -> Typed:
        if operand.kind.type != "condition":
            what = f"`{operand.text}` holds {_WORDS[operand.kind.type]}, and is no condition"
            raise self._fault(operand.node, what, "a comparison, such as `x > 0`")
        return operand

    def _axes(self, *sides: Typed) -> tuple[Axis, ...]:
        """Return the shape of values side by side: all of one, or one number beside them."""
        first: Typed | None = None
        for side in sides:
            if not side.kind.axes:
                continue
            if first is not None and not _is_alike(first.kind.axes, side.kind.axes):
                words = [f"`{s.text}` ({_shape(s.kind.axes)})" for s in (first, side)]
                what = f"{words[0]} and {words[1]} do not have the same shape"
                raise self._fault(side.node, what, "one shape, or one number beside it")
            first = first or side
        return first.kind.axes if first is not None else ()


def _sum_type(*sides: Typed) -> Type:
    """Return the type of a sum: integers and conditions give integers."""
    return "real" if any(side.kind.type == "real" for side in sides) else "int"


def _is_text(operand: Typed) -> bool:
    return isinstance(operand.node, Text)


def _is_alike(first: tuple[Axis, ...], second: tuple[Axis, ...]) -> bool:
    if len(first) != len(second):
        return False
    for a, b in zip(first, second, strict=True):
        known = a.size is not None and b.size is not None
        if (a.size != b.size) if known else (a.name != b.name):
            return False
        if a.labels and b.labels and a.labels != b.labels:
            return False
    return True


def _shape(axes: tuple[Axis, ...]) -> str:
    return " × ".join(a.name if a.size is None else f"{a.size} of {a.name}" for a in axes)


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    more = f", … ({len(known)})" if len(known) > _SHOWN else ""
    return ", ".join(known[:_SHOWN]) + more

"""What is asked of a column, and the conversion of its cells under that rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stanchion.datasets.read import Raw
from stanchion.datasets.values import PARSERS, Value, infer, label, order, parse_real, text_of
from stanchion.errors import Fault

if TYPE_CHECKING:
    from stanchion.config import Column


_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:(?:,[0-9]{3})+|(?:\.[0-9]{3})+)")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


@dataclass(frozen=True)
class Rule:
    """A column's rule; `kind` None is inferred, `number` is int or real as the cells are.

    `levels` and `allowed` are None where nothing was declared; `key` is what asks for the column.
    """

    name: str
    key: str
    kind: str | None = None
    lower: object = None
    upper: object = None
    allowed: tuple[str, ...] | None = None
    levels: tuple[str, ...] | None = None
    unique: bool = False
    transform: str | None = None

    @classmethod
    def of(cls, name: str, column: Column, key: str) -> Rule:
        """Return the rule of a declared column."""
        return cls(
            name=name,
            key=key,
            kind=column.type,
            lower=column.lower,
            upper=column.upper,
            allowed=_texts(column.allowed),
            levels=_texts(column.levels),
            unique=bool(column.unique),
            transform=column.transform,
        )

    @property
    def declared(self) -> bool:
        """Whether the declaration says what the column holds."""
        return self.kind not in (None, "number")


@dataclass(frozen=True)
class Series:
    """A column's values, one a row: numbers, or text for categories and dates; bool is 0 and 1."""

    name: str
    kind: str
    values: list[Value]
    declared: tuple[str, ...] | None = None

    def labels(self) -> list[str]:
        """Return each row's value as its name among the levels."""
        return [label(self.kind, value) for value in self.values]

    def levels(self) -> tuple[str, ...]:
        """Return the declared levels, else those that occur, in order."""
        return self.declared or order(self.kind, self.labels())


@dataclass(frozen=True)
class Converted:
    """A column as its rule reads it; a value is None where the cell is missing."""

    kind: str
    values: list[Value | None]
    faults: list[Fault]

    def series(self, rule: Rule, rows: Sequence[int]) -> Series:
        """Return the column of these rows, none of which lacks a value."""
        values = [value for row in rows if (value := self.values[row]) is not None]
        if self.kind == "real":
            values = [float(value) for value in values]
        return Series(rule.name, self.kind, values, rule.levels)


def convert(rule: Rule, raw: Raw) -> Converted:
    """Return a column's values, and a fault for each cell that its rule does not allow."""
    cells = raw.cells[rule.name]
    kind = rule.kind or infer(cells)
    parse, allowed = PARSERS[kind]
    tests = _tests(rule, kind)
    values: list[Value | None] = []
    faults = []
    for row, text in enumerate(cells):
        value = None
        if text is not None:
            try:
                value = parse(text)
            except ValueError:
                faults.append(_fault(rule, raw.place(row), text, allowed, _plainly(text)))
        if value is not None:
            broken = [says for holds, says in tests if not holds(value)]
            faults += [_fault(rule, raw.place(row), text, says) for says in broken]
        values.append(value)
    if kind == "number":
        kind = "real" if any(isinstance(value, float) for value in values) else "int"
    return Converted(kind, values, faults)


def _tests(rule: Rule, kind: str) -> list[tuple[Callable[[Any], bool], str]]:
    tests: list[tuple[Callable[[Any], bool], str]] = []
    if rule.lower is not None:
        lower = _limit(rule.lower)
        tests.append((lambda value: value >= lower, f"at least {_shown(lower)}"))
    if rule.upper is not None:
        upper = _limit(rule.upper)
        tests.append((lambda value: value <= upper, f"at most {_shown(upper)}"))
    if rule.allowed is not None:
        known = {PARSERS[kind][0](text) for text in rule.allowed}
        tests.append((known.__contains__, f"one of {', '.join(rule.allowed)}"))
    if rule.levels is not None:
        levels = set(rule.levels)
        says = f"one of the levels {', '.join(rule.levels)}"
        tests.append((lambda value: label(kind, value) in levels, says))
    return tests


def _limit(declared: object) -> Any:
    return declared if isinstance(declared, int | float) else str(declared)


def _shown(limit: Value) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


def _fault(
    rule: Rule, where: str, text: str | None, allowed: str, todo: str | None = None
) -> Fault:
    what = f"column `{rule.name}` holds {text!r}"
    return Fault(what, where=where, key=rule.key, value=text, allowed=allowed, todo=todo)


def _plainly(text: str) -> str | None:
    """Return how a number with commas, or points between thousands, may be meant."""
    if _THOUSANDS.fullmatch(text):
        whole = re.sub("[.,]", "", text)
        if len(re.findall("[.,]", text)) > 1:
            return f"write {whole}, without separators, if that is meant"
        return f"it may be {whole} or {parse_real(text.replace(',', '.'))}: write which, plainly"
    if _COMMA.fullmatch(text):
        return f"write {text.replace(',', '.')}, with a point, if that is meant"
    return None


def _texts(declared: Sequence[object] | None) -> tuple[str, ...] | None:
    return None if declared is None else tuple(text_of(value) for value in declared)

"""Cells: from text to a value of a declared type, and back to a label."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date

Value = int | float | str

_INTEGER = re.compile(r"[+-]?[0-9]+(\.0)?")
NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_TRUTH = {"true": 1, "1": 1, "false": 0, "0": 0}


def parse_int(text: str) -> int:
    """Return an integer; `3.0` is one, `25.000` may be 25 thousand. Raises ValueError.

    What lies beyond any double is none: neither Stan nor a JSON reader takes it.
    """
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    parse_real(text)
    return int(text.partition(".")[0])


def parse_real(text: str) -> float:
    """Return a finite number. Raises ValueError."""
    if not re.fullmatch(NUMBER, text):
        raise ValueError(text)
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


def parse_number(text: str) -> int | float:
    """Return an integer where the text is one, else a finite number. Raises ValueError."""
    try:
        return int(text) if text.lstrip("+-").isdecimal() and text.isascii() else parse_real(text)
    except ValueError:
        raise ValueError(text) from None


def parse_bool(text: str) -> int:
    """Return 0 or 1. Raises ValueError."""
    try:
        return _TRUTH[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def parse_date(text: str) -> str:
    """Return a date as ISO 8601 text. Raises ValueError."""
    return date.fromisoformat(text).isoformat()


PARSERS: dict[str, tuple[Callable[[str], Value], str]] = {
    "int": (parse_int, "an integer"),
    "real": (parse_real, "a finite number, with a decimal point"),
    "bool": (parse_bool, "true, false, 1 or 0"),
    "category": (str, "any text"),
    "date": (parse_date, "a date such as 2026-11-21"),
}
"""Type → its parser and what it allows."""


def label(kind: str, value: Value) -> str:
    """Return how a value is named among levels."""
    return ("false", "true")[int(value)] if kind == "bool" else str(value)


def text_of(declared: object) -> str:
    """Return a value that stands in YAML as the text that a cell would hold."""
    return str(declared).lower() if isinstance(declared, bool) else str(declared)


def order(kind: str, labels: Iterable[str]) -> tuple[str, ...]:
    """Return distinct labels in order: numbers by size, everything else by code point."""
    distinct = set(labels)
    return tuple(sorted(distinct, key=int) if kind == "int" else sorted(distinct))

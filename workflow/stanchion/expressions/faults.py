"""What is wrong with an expression, in one sentence."""

from __future__ import annotations

from collections.abc import Iterable

from stanchion.schema.locations import nearest

_SHOWN = 100
"""Characters of an expression that a message shows."""


class ExpressionError(Exception):
    """An expression cannot be read; `allowed` and `todo` as in a fault."""

    def __init__(self, what: str, allowed: str | None = None, todo: str | None = None) -> None:
        super().__init__(what)
        self.allowed = allowed
        self.todo = todo


def at_character(
    source: str, start: int, what: str, allowed: str | None = None, todo: str | None = None
) -> ExpressionError:
    """Return the error that names an expression and a character of it; `start` counts from 0.

    It stands on one line: line breaks and control characters are shown as `·`.
    """
    shown = source if len(source) <= _SHOWN else f"{source[:_SHOWN]}…"
    message = f"`{shown}`: {what} at character {start + 1}"
    printable = "".join(sign if sign.isprintable() else "·" for sign in message)
    return ExpressionError(printable, allowed, todo)


def suggestion(name: str, names: Iterable[str]) -> str | None:
    """Return a question that names the nearest known name, or None where nothing is near."""
    near = nearest(name, names)
    return f"did you mean `{near}`?" if near else None

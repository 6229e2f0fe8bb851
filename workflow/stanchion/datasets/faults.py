"""Collecting faults: which are shown, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stanchion.config.source import nearest
from stanchion.errors import DataError, Fault

SHOWN = 20
"""How many faults one message shows; the rest are counted."""


class ExpressionError(Exception):
    """An expression cannot be read; `allowed` and `todo` as in a fault."""

    def __init__(self, what: str, allowed: str | None = None, todo: str | None = None) -> None:
        super().__init__(what)
        self.allowed = allowed
        self.todo = todo


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """Return a question that names the nearest known name, or None where nothing is near."""
    found = nearest(name, known)
    return f"did you mean `{found}`?" if found else None


def stop(faults: Sequence[Fault]) -> None:
    """Raise the collected faults, at most `SHOWN` and a count, where there are any.

    Raises:
        DataError: there is at least one fault.
    """
    if len(faults) > SHOWN:
        more = len(faults) - SHOWN
        faults = [*faults[:SHOWN], Fault(f"and {more} more fault{'s' if more > 1 else ''}")]
    if faults:
        raise DataError(faults)

"""Collecting faults: which are shown, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from stanchion.errors import DataError, Fault
from stanchion.schema.places import nearest

PLACES = 3
"""How many more places a fault names that is found in several."""
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


def gathered(faults: Iterable[Fault]) -> list[Fault]:
    """Return faults with those that differ in place and value only as one, counted."""
    alike: dict[tuple[object, ...], list[Fault]] = {}
    for fault in dict.fromkeys(faults):
        what = fault.what if fault.value is None else fault.what.replace(repr(fault.value), "")
        alike.setdefault((what, fault.key, fault.allowed, not fault.todo), []).append(fault)
    return [_counted(same) for same in alike.values()]


def _counted(same: Sequence[Fault]) -> Fault:
    """Return the first of alike faults, with the number of the others and the first of them."""
    first, *others = same
    if not others:
        return first
    shown = [_place(fault, first) for fault in others[:PLACES]]
    more = ", …" if len(others) > PLACES else ""
    times = f"{len(others)} more" if len(others) > 1 else "once more"
    return replace(first, what=f"{first.what}; {times}: {', '.join(shown)}{more}")


def _place(fault: Fault, first: Fault) -> str:
    """Return where a fault is: the line alone where the file is the first one's; its value too."""
    where, _, line = (fault.where or "").rpartition(":")
    same_file = where and where == (first.where or "").rpartition(":")[0]
    place = f"line {line}" if same_file and line.isdigit() else fault.where or ""
    return place if fault.value == first.value else f"{place} {fault.value!r}".strip()


def stop(faults: Sequence[Fault]) -> None:
    """Raise the collected faults, alike ones as one, at most `SHOWN` and a count, if any.

    Raises:
        DataError: there is at least one fault.
    """
    faults = gathered(faults)
    if len(faults) > SHOWN:
        more = len(faults) - SHOWN
        faults = [*faults[:SHOWN], Fault(f"and {more} more fault{'s' if more > 1 else ''}")]
    if faults:
        raise DataError(faults)

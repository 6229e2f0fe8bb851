"""Collecting faults: which are shown, and what was probably meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from stanchion.errors import DataError, Fault

PLACES = 3
"""How many more places a fault names that is found in several."""
SHOWN = 20
"""How many faults one message shows; the rest are counted."""


def gathered(faults: Iterable[Fault]) -> list[Fault]:
    """Return faults with those that differ in place and value only as one, counted."""
    alike: dict[tuple[object, ...], list[Fault]] = {}
    for fault in dict.fromkeys(faults):
        what = fault.what if fault.value is None else fault.what.replace(repr(fault.value), "")
        alike.setdefault((what, fault.key, fault.allowed, not fault.todo), []).append(fault)
    return [_counted(same, len(same)) for same in alike.values()]


def at_rows[T](
    rows: Iterable[T], fault: Callable[[T], Fault], alike: Callable[[T], object] = lambda _: None
) -> list[Fault]:
    """Return one counted fault for each group of alike rows, in the order of their first rows.

    Only those that are shown are made: a column may be wrong in every row.
    """
    shown: dict[object, list[Fault]] = {}
    counts: Counter[object] = Counter()
    for row in rows:
        group = alike(row)
        counts[group] += 1
        if counts[group] <= PLACES + 1:
            shown.setdefault(group, []).append(fault(row))
    return [_counted(faults, counts[group]) for group, faults in shown.items()]


def _counted(alike: Sequence[Fault], count: int) -> Fault:
    """Return the first of `count` alike faults, with their number and where the next ones are."""
    first, *others = alike[: PLACES + 1]
    if not others:
        return first
    shown = [_location(fault, first) for fault in others]
    more = ", …" if count > PLACES + 1 else ""
    times = f"{count - 1} more" if count > 2 else "once more"
    return replace(first, what=f"{first.what}; {times}: {', '.join(shown)}{more}")


def _location(fault: Fault, first: Fault) -> str:
    """Return where a fault is: the line alone where the file is the first one's; its value too."""
    path, _, line = (fault.where or "").rpartition(":")
    same_file = path and path == (first.where or "").rpartition(":")[0]
    location = f"line {line}" if same_file and line.isdigit() else fault.where or ""
    return location if fault.value == first.value else f"{location} {fault.value!r}".strip()


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

"""Collecting faults: which are shown, and the nearest known name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence

from stanchion.errors import DataError, Fault

SHOWN = 20
"""How many faults one message shows; the rest are counted."""

Where = Callable[[str], str | None]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return a question that names the nearest known name, or None where nothing is near."""
    names = list(known)
    folded = {other.casefold(): other for other in reversed(names)}
    found = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f"did you mean `{folded[found[0]]}`?" if found else None


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

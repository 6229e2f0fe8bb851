"""Rows as positions among levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from stanchion.datasets.faults import at_rows, stop
from stanchion.datasets.rules import Series
from stanchion.errors import Fault
from stanchion.expressions.faults import suggestion

_NEW_LEVEL = (
    "correct it, or, where it is a new group, add it to the `levels` of the fitted column: a level "
    "may have no rows"
)


def positions(
    series: Series, levels: Sequence[str], location: Callable[[int], str], key: str
) -> NDArray[np.int64]:
    """Return each row's level, counted from 1.

    Raises:
        DataError: rows whose level is none of these.
    """
    position = {level: number for number, level in enumerate(levels, start=1)}
    codes, labels = series.factor()
    numbers = np.array([position.get(label, 0) for label in labels], dtype=np.int64)[codes]
    near = {label: suggestion(label, levels) for label in labels if label not in position}

    def fault(row: int) -> Fault:
        text = labels[codes[row]]
        return Fault(
            f"column `{series.name}` holds {text!r}, which is none of the levels",
            where=location(row),
            key=key,
            value=text,
            allowed=_shown(levels),
            todo=near[text] or _NEW_LEVEL,
        )

    rows = np.flatnonzero(numbers == 0).tolist()
    stop(at_rows(rows, fault, alike=lambda row: near[labels[codes[row]]] is None))
    return numbers


def _shown(levels: Sequence[str], most: int = 12) -> str:
    more = f", … ({len(levels)} levels)" if len(levels) > most else ""
    return ", ".join(levels[:most]) + more

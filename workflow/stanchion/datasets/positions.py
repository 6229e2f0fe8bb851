"""Rows as positions among levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stanchion.datasets.faults import stop, suggestion
from stanchion.datasets.rules import Series
from stanchion.errors import Fault


def positions(
    series: Series, levels: Sequence[str], place: Callable[[int], str], key: str
) -> list[int]:
    """Return each row's level, counted from 1.

    Raises:
        DataError: rows whose level is none of these.
    """
    at = {level: number for number, level in enumerate(levels, start=1)}
    labels = series.labels()
    stop(
        [
            Fault(
                f"column `{series.name}` holds {text!r}, which is none of the levels",
                where=place(row),
                key=key,
                value=text,
                allowed=_shown(levels),
                todo=suggestion(text, levels),
            )
            for row, text in enumerate(labels)
            if text not in at
        ]
    )
    return [at[text] for text in labels]


def _shown(levels: Sequence[str], most: int = 12) -> str:
    more = f", … ({len(levels)} levels)" if len(levels) > most else ""
    return ", ".join(levels[:most]) + more

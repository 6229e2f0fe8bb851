"""The picture of intervals: a row a quantity, a mark a fit, drawn as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LABEL, WIDTH, ROW, MARK = 150, 640, 30, 9
COLOURS = ("#1f5f8b", "#c26a1b", "#4d7c4d", "#7a4f8f")
"""One a fit, told apart without red against green; dark enough on white for contrast AA."""


@dataclass(frozen=True)
class Interval:
    """The 5 %, 50 % and 95 % quantiles of a quantity in one fit, by the fit's place."""

    fit: int
    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Row:
    """A quantity and its interval in each fit."""

    name: str
    intervals: tuple[Interval, ...]


@dataclass(frozen=True)
class Mark:
    """An interval in the picture's own units."""

    colour: str
    left: float
    middle: float
    right: float
    y: float


@dataclass(frozen=True)
class Forest:
    """What the template draws."""

    width: int
    height: int
    labels: tuple[tuple[str, float], ...]
    marks: tuple[Mark, ...]
    ticks: tuple[tuple[str, float], ...]
    zero: float | None


def forest(rows: Sequence[Row]) -> Forest | None:
    """Return the picture of these rows, or None where nothing finite can be drawn."""
    shown = [row for row in rows if any(_finite(interval) for interval in row.intervals)]
    ends = [e for r in shown for i in r.intervals if _finite(i) for e in (i.low, i.high)]
    if not ends:
        return None
    low, high = min(ends), max(ends)
    margin = (high - low or abs(high) or 1.0) * 0.04
    low, high = low - margin, high + margin

    def across(value: float) -> float:
        return round(LABEL + (WIDTH - LABEL - 10) * (value - low) / (high - low), 1)

    marks = tuple(
        Mark(
            COLOURS[interval.fit % len(COLOURS)],
            across(interval.low),
            across(interval.middle),
            across(interval.high),
            _down(place, order, len(row.intervals)),
        )
        for place, row in enumerate(shown)
        for order, interval in enumerate(row.intervals)
        if _finite(interval)
    )
    return Forest(
        width=WIDTH,
        height=ROW * len(shown) + 30,
        labels=tuple((row.name, ROW * (place + 0.5) + 4) for place, row in enumerate(shown)),
        marks=marks,
        ticks=tuple((f"{tick:g}".replace("-", "−"), across(tick)) for tick in _ticks(low, high)),
        zero=across(0) if low < 0 < high else None,
    )


def _finite(interval: Interval) -> bool:
    return all(map(math.isfinite, (interval.low, interval.middle, interval.high)))


def _down(place: int, order: int, count: int) -> float:
    return round(ROW * (place + 0.5) + MARK * (order - (count - 1) / 2), 1)


def _ticks(low: float, high: float) -> list[float]:
    """Return some four to eight round numbers between two others."""
    step = 10 ** math.floor(math.log10((high - low) / 4))
    step = next(step * k for k in (1, 2, 5, 10) if (high - low) / (step * k) <= 8)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]

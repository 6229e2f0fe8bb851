"""The picture of intervals: a line a quantity and fit, in panels of quantities of like scale.

Places across are shares of the width, so that the SVG fits a telephone as well as a sheet, with
letters and marks of one size; places down are pixels.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, floor, log10

from stanchion.report.numbers import to_place
from stanchion.report.reading import Scalar
from stanchion.system.sentences import listed

LINE, GAP, AXIS = 13, 9, 26
SHAPES = ("disc", "square", "diamond", "triangle", "wedge", "bar")
"""A fit's mark: told apart without its colour, too; hollow where all are taken."""
MOST_TOGETHER = 2 * len(SHAPES)
"""Fits in one picture: more have no mark of their own."""
_WIDEST, _WIDEST_OF_A_VECTOR = 25.0, 100.0
"""How many times wider than its narrowest interval a panel may be."""
_TALLEST = 340
"""Pixels of a panel, some three of which a sheet of A4 has room for."""
_LARGEST = 1e150
_MARGIN = 0.03
_MOST_STEPS = 6
_MOST_NAMED = 8
_LONGEST = 24


@dataclass(frozen=True)
class Interval:
    """The ends and the middle of a quantity's interval in a fit, by the fit's place.

    Those of a point are all the same.
    """

    fit: int
    low: float
    middle: float
    high: float
    is_point: bool = False

    @property
    def width(self) -> float:
        """From end to end."""
        return self.high - self.low

    @property
    def drawable(self) -> bool:
        """Whether it has a width or is a point, of numbers that do not overflow by subtraction."""
        return (self.low < self.high or self.is_point) and all(
            abs(value) < _LARGEST for value in (self.low, self.middle, self.high)
        )


@dataclass(frozen=True)
class Quantity:
    """A quantity and its intervals."""

    scalar: Scalar
    intervals: tuple[Interval, ...]
    kind: str = ""
    """What shares no axis with another kind: an intercept, a slope."""
    group: str = ""
    """The label of the group that it stands in, where groups were declared."""


@dataclass(frozen=True)
class Mark:
    """An interval in the picture: shares of the width in per cent, pixels down."""

    fit: int
    left: float
    middle: float
    right: float
    y: int


@dataclass(frozen=True)
class Tick:
    """A number on the axis, and where it stands."""

    text: str
    x: float
    zero: bool


@dataclass(frozen=True)
class Label:
    """A quantity, and how many pixels its lines take."""

    scalar: Scalar
    height: int

    @property
    def text(self) -> str:
        """The label, without its middle where it is longer than a telephone has room for."""
        label, half = self.scalar.label, _LONGEST // 2
        return label if len(label) <= _LONGEST else f"{label[:half]}…{label[-half:]}"


@dataclass(frozen=True)
class Panel:
    """Quantities that share an axis, of one group where there are groups."""

    group: str
    seen: str
    """What a reader sees, in words: of what, on which axis, and what lies clear of zero."""
    labels: tuple[Label, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    plot_height: int

    @property
    def height(self) -> int:
        """The picture's height in pixels, with its axis."""
        return self.plot_height + AXIS


def forest(quantities: Sequence[Quantity], fits: Container[int] | None = None) -> tuple[Panel, ...]:
    """Return the panels of these quantities, in order; what cannot be drawn is left out.

    Points are drawn beside intervals only, which give the picture its scale. With `fits` only
    theirs are drawn, on the axes that all have.
    """
    drawn = []
    for quantity in quantities:
        intervals = tuple(interval for interval in quantity.intervals if interval.drawable)
        if any(interval.width for interval in intervals):
            drawn.append(replace(quantity, intervals=intervals))
    return tuple(
        _panel(members, _span([i for quantity in group for i in quantity.intervals]))
        for group in _groups(drawn)
        for members in _no_taller([_of(quantity, fits) for quantity in group])
    )


def ticks(low: float, high: float) -> tuple[float, ...]:
    """Return two to seven round numbers from low to high."""
    step, place = _step(low, high)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return tuple(round(number * step, max(-place, 0)) for number in range(first, last + 1))


def _step(low: float, high: float) -> tuple[float, int]:
    place = floor(log10((high - low) / _MOST_STEPS))
    for digit in (1, 2, 5):
        if (high - low) / (digit * 10.0**place) <= _MOST_STEPS:
            return digit * 10.0**place, place
    return 10.0 ** (place + 1), place + 1


def _groups(quantities: Sequence[Quantity]) -> list[list[Quantity]]:
    """Split where kind or group change, or some interval would be too narrow to be seen."""
    groups: list[list[Quantity]] = []
    for quantity in quantities:
        if groups and _share_an_axis(groups[-1], quantity):
            groups[-1].append(quantity)
        else:
            groups.append([quantity])
    return groups


def _share_an_axis(group: Sequence[Quantity], quantity: Quantity) -> bool:
    last = group[-1]
    return (last.kind, last.group) == (quantity.kind, quantity.group) and (
        _ratio([*group, quantity]) <= _widest(last, quantity)
    )


def _widest(before: Quantity, quantity: Quantity) -> float:
    same = before.scalar.name.partition("[")[0] == quantity.scalar.name.partition("[")[0]
    return _WIDEST_OF_A_VECTOR if same else _WIDEST


def _ratio(quantities: Sequence[Quantity]) -> float:
    intervals = [interval for quantity in quantities for interval in quantity.intervals]
    low, high = _span(intervals)
    return (high - low) / min(interval.width for interval in intervals if interval.width)


def _span(intervals: Sequence[Interval]) -> tuple[float, float]:
    return min(i.low for i in intervals), max(i.high for i in intervals)


def _seen(quantities: Sequence[Quantity], numbers: Sequence[str]) -> str:
    above = [q for q in quantities if all(i.low > 0 for i in q.intervals)]
    below = [q for q in quantities if all(i.high < 0 for i in q.intervals)]
    clear = [
        f"{'all' if len(group) == len(quantities) else _some(group)} wholly {side} zero"
        for group, side in ((above, "above"), (below, "below"))
        if group
    ]
    words = f"Intervals of {_some(quantities)} on an axis from {numbers[0]} to {numbers[-1]}"
    return "; ".join([words, *(clear or ["none lies wholly on one side of zero"])])


def _some(quantities: Sequence[Quantity]) -> str:
    named = [quantity.scalar.label for quantity in quantities]
    return listed(named if len(named) <= _MOST_NAMED else [*named[: _MOST_NAMED - 1], "others"])


def _no_taller(quantities: Sequence[Quantity]) -> list[list[Quantity]]:
    """Split where a panel would be taller than what a sheet has room for beside a heading."""
    panels: list[list[Quantity]] = []
    for quantity in filter(lambda quantity: quantity.intervals, quantities):
        if panels and sum(map(_height, panels[-1])) + _height(quantity) <= _TALLEST:
            panels[-1].append(quantity)
        else:
            panels.append([quantity])
    return panels


def _height(quantity: Quantity) -> int:
    return LINE * len(quantity.intervals) + GAP


def _panel(quantities: Sequence[Quantity], span: tuple[float, float]) -> Panel:
    low, high = span
    margin = _MARGIN * (high - low)
    low, high = low - margin, high + margin

    def across(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    heights = list(map(_height, quantities))
    tops = [sum(heights[:count]) for count in range(len(heights) + 1)]
    marks = tuple(
        Mark(
            fit=interval.fit,
            left=across(interval.low),
            middle=across(interval.middle),
            right=across(interval.high),
            y=top + GAP // 2 + LINE * line + LINE // 2 + 1,
        )
        for quantity, (top, _) in zip(quantities, pairwise(tops), strict=True)
        for line, interval in enumerate(quantity.intervals)
    )
    return Panel(
        group=quantities[0].group,
        seen=_seen(quantities, [to_place(tick, _step(low, high)[1]) for tick in ticks(low, high)]),
        labels=tuple(
            Label(quantity.scalar, height)
            for quantity, height in zip(quantities, heights, strict=True)
        ),
        marks=marks,
        ticks=tuple(
            Tick(to_place(tick, _step(low, high)[1]), across(tick), tick == 0)
            for tick in ticks(low, high)
        ),
        plot_height=tops[-1],
    )


def _of(quantity: Quantity, fits: Container[int] | None) -> Quantity:
    if fits is None:
        return quantity
    intervals = tuple(interval for interval in quantity.intervals if interval.fit in fits)
    return replace(quantity, intervals=intervals)

"""The small pictures beside answers: densities and probabilities, as SVG that needs no file.

Widths and heights are units of the picture's own box, which the page scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from stanchion.report.answers import Answer, Density, Element
from stanchion.report.forest import ticks
from stanchion.report.numbers import exact

WIDTH, HEIGHT, AXIS = 220.0, 36.0, 16.0
_EDGE = 1.0


@dataclass(frozen=True)
class Tick:
    """A number below the picture, and where it stands."""

    text: str
    x: float


@dataclass(frozen=True)
class Bar:
    """A part of the picture's width."""

    x: float
    width: float


@dataclass(frozen=True)
class Small:
    """A picture: an outline with the interval's part of it, a band of no effect, where zero is.

    `path` and `inside` are paths of SVG; `bars` are those of single values, or a probability.
    """

    path: str
    inside: str
    bars: tuple[tuple[float, float], ...]
    rope: Bar | None
    zero: float | None
    ticks: tuple[Tick, ...]
    alt: str


def pictures(answer: Answer) -> dict[tuple[str, str, str], Small]:
    """Return the picture of each fit whose answer is one quantity, on one scale, by fit."""
    single = {
        (fit.dataset, fit.model, fit.method): fit.elements[0]
        for fit in answer.fits
        if len(fit.elements) == 1
    }
    if answer.kind == "probability":
        return {key: _share(element) for key, element in single.items()}
    densities = [e.density for e in single.values() if e.density is not None]
    if answer.kind != "quantity" or not densities:
        return {}
    low = min(density.x[0] for density in densities)
    high = max(density.x[-1] for density in densities)
    if not isfinite(high - low) or low >= high:
        return {}
    return {
        key: _density(element, element.density, (low, high), answer)
        for key, element in single.items()
        if element.density is not None
    }


def _share(element: Element) -> Small:
    width = _across(element.share, (0, 1))
    return Small(
        path=f"M{_EDGE} 8H{WIDTH - _EDGE}V28H{_EDGE}Z",
        inside=f"M{_EDGE} 8H{width}V28H{_EDGE}Z",
        bars=(),
        rope=None,
        zero=None,
        ticks=tuple(Tick(text, _across(x, (0, 1))) for text, x in _SHARES),
        alt=f"A bar filled to {element.value}",
    )


_SHARES = (("0", 0.0), ("0.5", 0.5), ("1", 1.0))


def _density(
    element: Element, density: Density, span: tuple[float, float], answer: Answer
) -> Small:
    top = max(density.y)
    points = [
        (_across(x, span), round(HEIGHT - (HEIGHT - 2) * y / top, 1))
        for x, y in zip(density.x, density.y, strict=True)
    ]
    inside = [
        point
        for x, point in zip(density.x, points, strict=True)
        if element.ends[0] <= x <= element.ends[1]
    ]
    rope = None
    if answer.rope is not None:
        low, high = (min(max(end, span[0]), span[1]) for end in answer.rope)
        rope = Bar(_across(low, span), round(_across(high, span) - _across(low, span), 1))
    ends = f", {answer.interval} from {' to '.join(element.interval)}" if element.interval else ""
    return Small(
        path="" if density.discrete else _area(points),
        inside="" if density.discrete else _area(inside),
        bars=tuple(points) if density.discrete else (),
        rope=rope,
        zero=_across(0.0, span) if span[0] < 0 < span[1] else None,
        ticks=tuple(Tick(exact(x, 3), _across(x, span)) for x in _few(ticks(*span))),
        alt=f"Density about {element.value}{ends}",
    )


def _few(values: Sequence[float]) -> Sequence[float]:
    """Return every other number where they would not stand side by side."""
    return values[::2] if len(values) > 4 else values


def _area(points: Sequence[tuple[float, float]]) -> str:
    if len(points) < 2:
        return ""
    line = "L".join(f"{x} {y}" for x, y in points)
    return f"M{points[0][0]} {HEIGHT}L{line}L{points[-1][0]} {HEIGHT}Z"


def _across(value: float, span: tuple[float, float]) -> float:
    share = (value - span[0]) / (span[1] - span[0])
    return round(_EDGE + share * (WIDTH - 2 * _EDGE), 1)

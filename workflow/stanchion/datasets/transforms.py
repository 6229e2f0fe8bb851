"""Transformations of a column, with the constants that new rows are transformed by too."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from stanchion.datasets.rules import Rule, Series
from stanchion.errors import Fault


@dataclass(frozen=True)
class Transform:
    """A transformation and its constants: (x − center)/scale; both are None for `log`."""

    kind: str
    center: float | None = None
    scale: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return kind, center and scale."""
        return asdict(self)


@dataclass(frozen=True)
class Transformed:
    """A column after its transformation, unless there are faults."""

    series: Series
    constants: Transform
    faults: list[Fault]


def transform(
    rule: Rule, series: Series, place: Callable[[int], str], fixed: Transform | None
) -> Transformed:
    """Return a column standardized, centered or as its natural logarithm.

    The constants are `fixed` where other rows settled them, else those of these rows; the standard
    deviation has n − 1 in its denominator, as R's and formulaic's `scale`.
    """
    values = [float(value) for value in series.values]
    if rule.transform == "log":
        faults = _not_positive(rule, values, place)
        changed = [] if faults else [math.log(value) for value in values]
        return Transformed(_real(series, changed), Transform("log"), faults)
    constants = fixed or _constants(str(rule.transform), values)
    center, scale = constants.center or 0.0, constants.scale or 0.0
    if scale == 0:
        what = f"column `{rule.name}` has the same value in every row: it cannot be standardized"
        fault = Fault(what, key=f"{rule.key}.transform", todo="use `center`, or none")
        return Transformed(series, constants, [fault])
    changed = [(value - center) / scale for value in values]
    return Transformed(_real(series, changed), constants, [])


def _real(series: Series, values: Sequence[float]) -> Series:
    return replace(series, kind="real", values=list(values))


def _constants(kind: str, values: Sequence[float]) -> Transform:
    mean = math.fsum(values) / len(values)
    if kind == "center":
        return Transform(kind, mean, 1.0)
    squares = math.fsum((value - mean) ** 2 for value in values)
    return Transform(kind, mean, math.sqrt(squares / max(len(values) - 1, 1)))


def _not_positive(rule: Rule, values: Sequence[float], place: Callable[[int], str]) -> list[Fault]:
    return [
        Fault(
            f"column `{rule.name}` holds {value!r}, which has no logarithm",
            where=place(row),
            key=f"{rule.key}.transform",
            value=value,
            allowed="more than 0",
        )
        for row, value in enumerate(values)
        if value <= 0
    ]

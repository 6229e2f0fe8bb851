"""The catalogue of what a column may be transformed by: one row each, for all that name one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Constants = Mapping[str, Any]
"""What the fitted rows settle, for new rows too; recorded, and shown in the report."""


@dataclass(frozen=True)
class Transform:
    """What a column of numbers becomes.

    `words` say it, `unit` what its values are in, by the column's own. `constants` are settled by
    the fitted rows. A value that `domain` refuses is a fault: it `lacks` something, and what is
    `allowed` is said.
    """

    words: str
    unit: str
    constants: Callable[[Array], Constants]
    apply: Callable[[Array, Constants], Array]
    domain: Callable[[Array], Array] | None = None
    lacks: str = ""
    allowed: str = ""


def _mean(values: Array) -> float:
    return math.fsum(values) / len(values)


def _center(values: Array) -> Constants:
    return {"center": _mean(values), "scale": 1.0}


def _standardize(values: Array) -> Constants:
    """Return mean and standard deviation, n − 1 in its denominator, as R and formulaic do."""
    mean = _mean(values)
    squares = math.fsum((values - mean) ** 2)
    return {"center": mean, "scale": math.sqrt(squares / max(len(values) - 1, 1))}


def _shifted(values: Array, constants: Constants) -> Array:
    return (values - constants["center"]) / constants["scale"]


def _log(values: Array, _: Constants) -> Array:
    """Return logarithms by the C library: NumPy's differ from one processor to the next."""
    import numpy as np

    return np.fromiter(map(math.log, values), dtype=np.float64, count=len(values))


TRANSFORMS: Mapping[str, Transform] = {
    "standardize": Transform(
        "less the mean and over the standard deviation",
        "standard deviations from the mean",
        _standardize,
        _shifted,
    ),
    "center": Transform("less the mean", "{unit} from the mean", _center, _shifted),
    "log": Transform(
        "the natural logarithm",
        "log {unit}",
        lambda _: {"center": None, "scale": None},
        _log,
        domain=lambda values: values > 0,
        lacks="logarithm",
        allowed="more than 0",
    ),
}

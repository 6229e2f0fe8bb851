"""What a check is: a row of the catalogue, and what a row's `measure` returns. Imports no library.

A row says everything that is to be known of a check in one place. Its `measure` takes the numbers
of a fit (or of a comparison) and returns one value, or one of each quantity; `checks.gate` holds
them to the threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stanchion.checks.verdicts import FAIL, PASS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHOWN = 10
"""The most quantities that a check names."""


@dataclass(frozen=True)
class Value:
    """One value, and where it comes from; NaN is one that could not be computed.

    `passed` and `failed` are the verdicts on either side of the threshold, `failed` in place of the
    row's `gravest`; `threshold` is one that only the numbers know; `total` that of which a share
    may be allowed; `broken` says on which side the value is where comparing it does not.
    """

    value: float
    where: tuple[str, ...] = ()
    threshold: float | None = None
    broken: bool | None = None
    passed: str = PASS
    failed: str | None = None
    total: int | None = None
    messages: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True)
class Each:
    """A value of each of some quantities, of which those `judged` (or all) are held to the limit.

    Where none can be judged and one is `needed`, the check fails.
    """

    names: Sequence[str]
    values: NDArray[np.float64]
    judged: NDArray[np.bool_] | None = None
    needed: bool = True
    note: str | None = None


@dataclass(frozen=True)
class Skipped:
    """The check cannot be made, for which what is judged is not to blame."""

    because: str


Measured = Value | Each | Skipped


@dataclass(frozen=True)
class Size:
    """How much a method draws: its chains, and the draws of each."""

    chains: int
    draws: int


@dataclass(frozen=True)
class Threshold:
    """A threshold that the declaration may set, as `checks.KEY`.

    `form` is what may be written there: a number, a number of each variable, or a whole number
    or a share of the draws. Numbers are > `above`, or ≥ `least`. `prior` is what
    draws from the prior are held to, where that is another than the default.
    """

    key: str
    words: str
    meaning: str
    default: float | Callable[[Size], float]
    form: Literal["number", "by_variable", "share"] = "number"
    above: float | None = None
    least: float | None = None
    prior: float | None = None

    def default_of(self, size: Size) -> float:
        """Return the default for what draws so much."""
        return self.default(size) if callable(self.default) else self.default


@dataclass(frozen=True)
class Figure:
    """A column of the report's first screen, of which checks that share it show the gravest.

    `key` is its name in `stanchion status`, where it is shown too; `column` its heading there.
    """

    heading: str
    key: str | None = None
    column: str | None = None


@dataclass(frozen=True)
class Row[Numbers]:
    """A check: what it measures, what it allows, and what is said of it.

    `worse` is the direction in which a value breaks the threshold; `gravest` the verdict of one
    that does; `digits` the decimals of a value, or how else it is shown; `ideal` the value where
    all is well; `allows` says in words what the threshold cannot. `advice_within` is what is said
    instead of a value that keeps to the threshold and does not pass all the same,
    `advice_without` where there is none. `measure` returns None where there is nothing that the
    check could be of.
    """

    name: str
    words: str
    source: str
    advice: str
    measure: Callable[[Numbers], Measured | None]
    threshold: Threshold | float = 0
    worse: Literal["greater", "smaller"] = "greater"
    gravest: str = FAIL
    digits: int | Literal["whole", "percent", "significant"] = "whole"
    waivable: bool = True
    ideal: float = 0
    allows: str = ""
    advice_within: str = ""
    advice_without: str = (
        "What could not be computed does not pass. Look at the other checks, and at the log."
    )
    figure: Figure | None = None

    def keeps(self, value: float, threshold: float) -> bool:
        """Tell whether a value keeps to a threshold; NaN on either side does not."""
        return value >= threshold if self.worse == "smaller" else value <= threshold


def at_most(names: Sequence[str]) -> tuple[str, ...]:
    """Return at most ten names, the last of them a count of the rest."""
    if len(names) <= SHOWN:
        return tuple(names)
    return (*names[: SHOWN - 1], f"and {len(names) - SHOWN + 1} more")

"""What an answer is: typed, and as the JSON that crosses to the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any


@dataclass(frozen=True)
class Density:
    """The density of a quantity: a curve, or shares of single values where it is `discrete`."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    discrete: bool


@dataclass(frozen=True, kw_only=True)
class Row:
    """One element of an answer; NaN where there is no such number.

    `loss` is the expected loss of a choice: how much less its utility is, on average, than that of
    the best choice of each draw; `loss_mcse` is its Monte Carlo error.
    """

    label: str
    value: float
    mcse: float = nan
    lower: float = nan
    upper: float = nan
    sd: float = nan
    rhat: float = nan
    loss: float = nan
    loss_mcse: float = nan
    density: Density | None = None


@dataclass(frozen=True, kw_only=True)
class Rope:
    """Probabilities that a quantity lies below, within and above the values that are no effect.

    `mcse` is the error of the one within; each has its own.
    """

    label: str
    below: float
    within: float
    above: float
    mcse: float
    mcse_below: float
    mcse_above: float


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The element that comes first, and by how much it is ahead of the second.

    Of choices the difference of their expected utilities, of an argmax that of the probabilities.
    """

    label: str
    second: str
    difference: float
    mcse: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the draws of a fit, or of all models, say to what was asked."""

    rows: tuple[Row, ...] = ()
    ropes: tuple[Rope, ...] = ()
    choice: Choice | None = None


@dataclass(frozen=True)
class FitAnswer:
    """The answer by one fit with its verdict, or why there is none; `answer` is then empty."""

    dataset: str
    model: str
    method: str
    verdict: str
    because: str | None = None
    answer: Answer = field(default_factory=Answer)
    fit_failed: bool = False
    """Whether there is no answer because the fit itself, or the comparison, failed."""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON: null for what is no number."""
        content = {name: getattr(self, name) for name in ("dataset", "model", "method", "verdict")}
        choice = self.answer.choice
        return {
            **content,
            "because": self.because,
            "fit_failed": self.fit_failed,
            "rows": [_plain(vars(row)) for row in self.answer.rows],
            "ropes": [_plain(vars(rope)) for rope in self.answer.ropes],
            "choice": None if choice is None else _plain(vars(choice)),
        }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in values.items()}


def _value(value: Any) -> Any:
    if isinstance(value, Density):
        return {"x": list(value.x), "y": list(value.y), "discrete": value.discrete}
    if isinstance(value, float) and not isfinite(value):
        return None
    return value

"""Replicated data against the observed: statistics and tail probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan, nan

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def _sd(values: Floats) -> Floats:
    if values.shape[-1] == 1:
        return np.full(values.shape[:-1], nan)
    return values.std(axis=-1, ddof=1)


def _skewness(values: Floats) -> Floats:
    centred = values - values.mean(axis=-1, keepdims=True)
    return (centred**3).mean(axis=-1) / (centred**2).mean(axis=-1) ** 1.5


def _mad(values: Floats) -> Floats:
    return np.median(np.abs(values - np.median(values, axis=-1, keepdims=True)), axis=-1)


STATISTICS: dict[str, Callable[[Floats], Floats]] = {
    "mean": lambda values: values.mean(axis=-1),
    "sd": _sd,
    "median": lambda values: np.median(values, axis=-1),
    "mad": _mad,
    "min": lambda values: values.min(axis=-1),
    "max": lambda values: values.max(axis=-1),
    "q5": lambda values: np.quantile(values, 0.05, axis=-1),
    "q25": lambda values: np.quantile(values, 0.25, axis=-1),
    "q75": lambda values: np.quantile(values, 0.75, axis=-1),
    "q95": lambda values: np.quantile(values, 0.95, axis=-1),
    "skewness": _skewness,
    "zeros": lambda values: (values == 0).mean(axis=-1),
}
"""Each takes data in its last axis; `sd` has n − 1, `mad` is unscaled, `zeros` a proportion."""


@dataclass(frozen=True)
class Statistic:
    """A statistic of the observed data among those of the replicated.

    `undefined` counts the replications that have none, as a constant has no skewness.
    """

    name: str
    observed: float
    replicated: Floats
    undefined: int = 0

    @property
    def tail_probability(self) -> float:
        """P(T(y_rep) ≥ T(y)), a tie counted half (mid-p), so that discrete data stay centred.

        NaN where the data or some replication have no such statistic: those that have one are not
        the model's replications, but a selection of them.
        """
        if self.undefined or isnan(self.observed) or not self.replicated.size:
            return nan
        above, tied = self.replicated > self.observed, self.replicated == self.observed
        return float(above.mean() + tied.mean() / 2)


def statistic(name: str, observed: Floats, replicated: Floats) -> Statistic:
    """Compare a statistic of the data (`observations`) with that of each draw's replication."""
    measure = STATISTICS[name]
    with np.errstate(invalid="ignore", divide="ignore"):
        return compared(name, float(measure(observed)), measure(replicated))


def compared(name: str, observed: float, replicated: Floats) -> Statistic:
    """Compare a statistic's value with those of replications, NaN where one has none."""
    defined = ~np.isnan(replicated)
    return Statistic(name, observed, replicated[defined], int((~defined).sum()))

"""Values of expressions over a fit's draws: where they lie, and with which Monte Carlo error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stanchion.stats.importance import weighted_errors
from stanchion.stats.intervals import CENTRAL, interval_names
from stanchion.stats.mixture import shortest, weighted_quantile
from stanchion.stats.summary import summarise

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Numbers:
    """What is known of each row of a sample: arrays of one number a row, NaN for none."""

    mean: Floats
    sd: Floats
    lower: Floats
    upper: Floats
    mcse: Floats
    rhat: Floats


class Values(Protocol):
    """Draws of some rows, which a function of a draw's rows maps to others."""

    @property
    def is_point(self) -> bool:
        """Whether this is one point and no draws: values without interval or probability."""

    def map(self, function: Callable[[Floats], Floats]) -> Values:
        """Return the rows that a function makes of those of each draw, along the last axis."""

    def numbers(self, intervals: Mapping[str, Any] | None) -> Numbers:
        """Return mean, sd, interval and errors; intervals as declared, else from 5 % to 95 %."""

    def probabilities(self) -> tuple[Floats, Floats]:
        """Return the means of rows from 0 to 1, with errors that are more than 0 at 0 and 1."""

    def means(self) -> Floats:
        """Return the mean of each row."""

    def pooled(self) -> Floats:
        """Return all draws alike, `draw × row`, as many of each as count."""


@dataclass(frozen=True)
class Sample:
    """Draws of one fit, `chain × draw × row`.

    `raw` are those of an approximation as they came, `1 × draw × row`, with their `weights`; of
    draws without Monte Carlo errors `has_errors` is False, and of a point `is_point` is True. `ess`
    is the least effective sample size of the fit.
    """

    values: Floats
    ess: float
    has_errors: bool = True
    is_point: bool = False
    raw: Floats | None = None
    weights: Floats | None = None

    def map(self, function: Callable[[Floats], Floats]) -> Sample:
        """Return the rows that a function makes of those of each draw, along the last axis."""
        raw = None if self.raw is None else function(self.raw)
        return replace(self, values=function(self.values), raw=raw)

    def numbers(self, intervals: Mapping[str, Any] | None) -> Numbers:
        """Return mean, sd, interval and errors; of a single draw, such as a point, its value.

        What is the same in all draws has that value, whatever a sum of it is rounded to.
        """
        is_sampled = self.has_errors and self.raw is None
        rows = range(self.values.shape[2])
        numbers = summarise(self.values, rows, sampled=is_sampled, intervals=intervals)
        if self.raw is not None and self.weights is not None:
            numbers |= weighted_errors(self.raw, list(rows), self.weights)
        names = ("mean", "sd", *(interval_names(intervals) or CENTRAL), "mcse_mean", "rhat")
        mean, sd, lower, upper, mcse, rhat = (np.asarray(numbers[n], np.float64) for n in names)
        draws = self.pooled()
        if len(draws) == 1:
            lower = upper = np.full_like(mean, np.nan)
        else:
            constant = (draws == draws[0]).all(axis=0)
            mean, sd = np.where(constant, draws[0], mean), np.where(constant, 0.0, sd)
        return Numbers(mean, sd, lower, upper, mcse, rhat)

    def probabilities(self) -> tuple[Floats, Floats]:
        """Return the means of rows from 0 to 1, with errors that are more than 0 at 0 and 1.

        Where all n effective draws agree, the error is that of (k + 1/2) / (n + 1), the posterior
        mean under Jeffreys' prior for k of n (Brown, Cai and DasGupta 2001,
        doi:10.1214/ss/1009213286).
        """
        numbers = self.numbers(None)
        certain = (numbers.mean == 0) | (numbers.mean == 1)
        size = max(min(self.ess, len(self.pooled())), 1.0)
        shrunk = 0.5 / (size + 1)
        error = sqrt(shrunk * (1 - shrunk) / size) if self.has_errors else np.nan
        return numbers.mean, np.where(certain, error, numbers.mcse)

    def means(self) -> Floats:
        """Return the mean of each row."""
        means: Floats = self.pooled().mean(axis=0)
        return means

    def pooled(self) -> Floats:
        """Return all draws, `draw × row`."""
        return self.values.reshape(-1, self.values.shape[2])


@dataclass(frozen=True)
class Mixture:
    """Draws of several fits, each with the weight of its model; the weights sum to one.

    Errors are those of the draws: that of the weights is not among them.
    """

    parts: Sequence[tuple[float, Sample]]
    is_point: bool = False

    def map(self, function: Callable[[Floats], Floats]) -> Mixture:
        """Return the rows that a function makes of those of each draw, along the last axis."""
        return Mixture([(weight, sample.map(function)) for weight, sample in self.parts])

    def numbers(self, intervals: Mapping[str, Any] | None) -> Numbers:
        """Return mean, sd, interval and errors of the mixture."""
        weights = np.array([weight for weight, _ in self.parts])[:, None]
        each = [sample.numbers(intervals) for _, sample in self.parts]
        means, sds, errors = (
            np.stack([getattr(n, name) for n in each]) for name in ("mean", "sd", "mcse")
        )
        alike = (means == means[0]).all(axis=0)
        mean = np.where(alike, means[0], (weights * means).sum(axis=0))
        variance = (weights * (sds**2 + (means - mean) ** 2)).sum(axis=0)
        lower, upper = self._interval(intervals)
        rhat = np.fmax.reduce(np.stack([n.rhat for n in each]))
        error = _joined(weights, np.where(sds == 0, 0.0, errors))
        mcse = np.where(error > 0, error, np.nan)
        return Numbers(mean, np.sqrt(variance), lower, upper, mcse, rhat)

    def probabilities(self) -> tuple[Floats, Floats]:
        """Return the means of rows from 0 to 1, with errors that are more than 0 at 0 and 1."""
        weights = np.array([weight for weight, _ in self.parts])[:, None]
        each = [sample.probabilities() for _, sample in self.parts]
        means, errors = (np.stack([numbers[i] for numbers in each]) for i in (0, 1))
        return (weights * means).sum(axis=0), _joined(weights, errors)

    def means(self) -> Floats:
        """Return the mean of each row, by the weights of the models."""
        parts = [weight * sample.means() for weight, sample in self.parts]
        means: Floats = np.sum(parts, axis=0)
        return means

    def pooled(self) -> Floats:
        """Return as many draws of each fit as its weight says, of as many as the first has."""
        size = self.parts[0][1].pooled().shape[0]
        return np.concatenate(
            [_thinned(sample.pooled(), round(weight * size)) for weight, sample in self.parts]
        )

    def _interval(self, intervals: Mapping[str, Any] | None) -> tuple[Floats, Floats]:
        draws = [sample.pooled() for _, sample in self.parts]
        weights = np.concatenate(
            [
                np.full(len(d), weight / len(d))
                for (weight, _), d in zip(self.parts, draws, strict=True)
            ]
        )
        together = np.concatenate(draws)
        prob = 0.9 if intervals is None else intervals["prob"]
        if intervals is not None and intervals["kind"] == "hdi":
            return shortest(together, weights, prob)
        tails = ((1 - prob) / 2, (1 + prob) / 2)
        lower, upper = (weighted_quantile(together, weights, tail) for tail in tails)
        return lower, upper


def _joined(weights: Floats, errors: Floats) -> Floats:
    """Return the errors of a weighted sum of independent means."""
    return np.sqrt(((weights * errors) ** 2).sum(axis=0))


def _thinned(draws: Floats, count: int) -> Floats:
    """Return so many draws, evenly through all."""
    return draws[np.linspace(0, len(draws) - 1, count).round().astype(np.intp)]

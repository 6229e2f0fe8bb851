"""Counts of categories with a Dirichlet prior; of two categories, the beta-binomial model.

Gelman et al. (2013), Bayesian Data Analysis, 3rd edition, §2.4 and §3.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.stats.conjugate.densities import (
    Floats,
    log_dirichlet,
    log_multinomial,
    log_multinomial_of_rows,
)
from stanchion.stats.conjugate.marginal import Beta, Marginal
from stanchion.stats.conjugate.posterior import (
    LEAST,
    Data,
    Draws,
    Likelihood,
    Posterior,
    total_count,
)

_MOST_PROBABLE = float(np.nextafter(1.0, 0.0))


@dataclass(frozen=True)
class Multinomial(Posterior):
    """Dirichlet: its concentration before and after the counts, `row × category`."""

    counts: NDArray[Any]
    before: Floats
    after: Floats

    @classmethod
    def of_counts(cls, counts: NDArray[Any], before: Floats) -> Multinomial:
        """Add what was counted of each category, exactly, to the prior's concentration."""
        totals = [total_count(column) for column in counts.T]
        after = [float(prior) + count for prior, count in zip(before, totals, strict=True)]
        return cls(counts, before, np.array(after))

    @classmethod
    def of(cls, data: Data, prior: Mapping[str, Any]) -> Multinomial:
        """`counts` by row and category; one number for all of the concentration's, or a list."""
        counts = np.asarray(data["counts"], np.int64)
        before = np.broadcast_to(np.asarray(prior["concentration"], np.float64), counts.shape[1])
        return cls.of_counts(counts, before)

    @property
    def log_evidence(self) -> float:
        """By p(y) = p(y | θ) p(θ) / p(θ | y) at the posterior's mean (Besag 1989)."""
        centre = self.after / self.after.sum()
        likelihood = log_multinomial(self.counts, centre).sum()
        return float(
            likelihood + log_dirichlet(centre, self.before) - log_dirichlet(centre, self.after)
        )

    def marginals(self) -> dict[str, Marginal]:
        """Each part has a beta distribution."""
        return {f"theta[{k + 1}]": part for k, part in enumerate(self._parts())}

    def _parts(self) -> list[Beta]:
        whole = self.after.tolist()
        return [Beta(part, sum(whole[:k] + whole[k + 1 :])) for k, part in enumerate(whole)]

    def draw(self, size: int, generator: np.random.Generator) -> dict[str, Floats]:
        """Return draws of θ, `draw × category`."""
        return {"theta": np.maximum(generator.dirichlet(self.after, size), LEAST)}

    def log_prior(self, draws: Draws) -> Floats:
        """Return the Dirichlet density before the data."""
        return log_dirichlet(draws["theta"], self.before)

    def log_density(self, draws: Draws) -> Floats:
        """Return the Dirichlet density after the data."""
        return log_dirichlet(draws["theta"], self.after)


@dataclass(frozen=True)
class MultinomialRows(Likelihood):
    """Counts by category, of as many as a row has."""

    def log_density(self, draws: Draws) -> Floats:
        """Return the multinomial log density."""
        counts = np.asarray(self.rows["counts"], np.float64)
        return log_multinomial_of_rows(counts, draws["theta"])

    def outcomes(self, draws: Draws, generator: np.random.Generator) -> NDArray[Any]:
        """Return counts, `draw × row × category`."""
        sizes = np.asarray(self.rows["counts"], np.int64).sum(axis=1)
        theta = draws["theta"] / draws["theta"].sum(axis=1, keepdims=True)
        return generator.multinomial(sizes[None, :], theta[:, None, :])


@dataclass(frozen=True)
class Binomial(Posterior):
    """A probability θ: two categories, successes and failures."""

    both: Multinomial

    @classmethod
    def of(cls, data: Data, prior: Mapping[str, Any]) -> Binomial:
        """`successes` of `trials` by row; a beta prior with `a` and `b`."""
        counts = _counts(data)
        return cls(Multinomial.of_counts(counts, np.array([prior["a"], prior["b"]], np.float64)))

    @property
    def log_evidence(self) -> float:
        """That of the two categories."""
        return self.both.log_evidence

    def marginals(self) -> dict[str, Marginal]:
        """Beta."""
        a, b = self.both.after.tolist()
        return {"theta": Beta(a, b)}

    def draw(self, size: int, generator: np.random.Generator) -> dict[str, Floats]:
        """Return draws of θ, none of which is rounded to 0 or 1."""
        a, b = self.both.after.tolist()
        return {"theta": np.clip(generator.beta(a, b, size), LEAST, _MOST_PROBABLE)}

    def log_prior(self, draws: Draws) -> Floats:
        """Return the beta density before the data."""
        return log_dirichlet(_both(draws), self.both.before)

    def log_density(self, draws: Draws) -> Floats:
        """Return the beta density after the data."""
        return log_dirichlet(_both(draws), self.both.after)


@dataclass(frozen=True)
class BinomialRows(Likelihood):
    """Successes of trials."""

    def log_density(self, draws: Draws) -> Floats:
        """Return the binomial log density."""
        return log_multinomial_of_rows(_counts(self.rows).astype(np.float64), _both(draws))

    def outcomes(self, draws: Draws, generator: np.random.Generator) -> NDArray[Any]:
        """Return successes, `draw × row`."""
        return generator.binomial(_trials(self.rows)[None, :], draws["theta"][:, None])


@dataclass(frozen=True)
class Bernoulli(Binomial):
    """A probability θ of outcomes 0 and 1: a trial each."""

    @classmethod
    def of(cls, data: Data, prior: Mapping[str, Any]) -> Bernoulli:
        """`outcome` by row; a beta prior with `a` and `b`."""
        return cls(Binomial.of(_of_one_trial(data), prior).both)


@dataclass(frozen=True)
class BernoulliRows(BinomialRows):
    """Outcomes 0 and 1."""

    def log_density(self, draws: Draws) -> Floats:
        """Return that of one trial each."""
        return BinomialRows(_of_one_trial(self.rows)).log_density(draws)

    def outcomes(self, draws: Draws, generator: np.random.Generator) -> NDArray[Any]:
        """Return outcomes, `draw × row`."""
        return BinomialRows({"N": self.rows["N"], "trials": 1}).outcomes(draws, generator)


def _of_one_trial(data: Data) -> Data:
    return {"N": data["N"], "successes": data["outcome"], "trials": 1}


def _counts(data: Data) -> NDArray[Any]:
    """Return successes and failures, `row × 2`."""
    successes = np.asarray(data["successes"], np.int64)
    return np.stack([successes, _trials(data) - successes], axis=1)


def _trials(data: Data) -> NDArray[Any]:
    return np.broadcast_to(np.asarray(data["trials"], np.int64), int(data["N"]))


def _both(draws: Draws) -> Floats:
    return np.stack([draws["theta"], 1 - draws["theta"]], axis=-1)

"""Counts with a gamma prior on their rate.

Gelman et al. (2013), Bayesian Data Analysis, 3rd edition, §2.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.stats.conjugate.densities import (
    Floats,
    log_gamma,
    log_poisson,
    log_poisson_of_rows,
)
from stanchion.stats.conjugate.marginal import Gamma, Marginal
from stanchion.stats.conjugate.posterior import (
    LEAST,
    MOST_COUNT,
    Data,
    Draws,
    Likelihood,
    Posterior,
    total,
    total_count,
)


@dataclass(frozen=True)
class Poisson(Posterior):
    """Gamma, by shape and rate, before and after counts that each had an exposure."""

    counts: NDArray[Any]
    exposure: Floats
    before: Gamma
    after: Gamma

    @classmethod
    def of(cls, data: Data, prior: Mapping[str, Any]) -> Poisson:
        """`counts` by row, `exposure` too where it is not 1; a prior with `shape` and `rate`."""
        counts, exposure = np.asarray(data["counts"], np.int64), exposure_of(data)
        shape, rate = float(prior["shape"]), float(prior["rate"])
        after = Gamma(shape + total_count(counts), total([rate, *exposure.tolist()]))
        return cls(counts, exposure, Gamma(shape, rate), after)

    @property
    def log_evidence(self) -> float:
        """By p(y) = p(y | λ) p(λ) / p(λ | y) at the posterior's mean (Besag 1989)."""
        centre = self.after.mean
        likelihood = log_poisson(self.counts, centre * self.exposure).sum()
        return float(
            likelihood
            + log_gamma(centre, self.before.shape, self.before.rate)
            - log_gamma(centre, self.after.shape, self.after.rate)
        )

    def marginals(self) -> dict[str, Marginal]:
        """Gamma."""
        return {"lambda": self.after}

    def draw(self, size: int, generator: np.random.Generator) -> dict[str, Floats]:
        """Return draws of λ, none of which is rounded to 0."""
        draws = generator.gamma(self.after.shape, 1 / self.after.rate, size)
        return {"lambda": np.maximum(draws, LEAST)}

    def log_prior(self, draws: Draws) -> Floats:
        """Return the gamma density before the data."""
        return log_gamma(draws["lambda"], self.before.shape, self.before.rate)

    def log_density(self, draws: Draws) -> Floats:
        """Return the gamma density after the data."""
        return log_gamma(draws["lambda"], self.after.shape, self.after.rate)


@dataclass(frozen=True)
class PoissonRows(Likelihood):
    """Counts, each with its exposure."""

    def log_density(self, draws: Draws) -> Floats:
        """Return the Poisson log density."""
        means = draws["lambda"][:, None] * exposure_of(self.rows)
        return log_poisson_of_rows(np.asarray(self.rows["counts"], np.float64), means)

    def outcomes(self, draws: Draws, generator: np.random.Generator) -> NDArray[Any]:
        """Return counts, NaN where the rate is beyond what can be counted."""
        means = draws["lambda"][:, None] * exposure_of(self.rows)
        counted = means < MOST_COUNT
        counts = generator.poisson(np.where(counted, means, 0.0))
        return counts if counted.all() else np.where(counted, counts, np.nan)


def exposure_of(data: Data) -> Floats:
    """Return the exposure of each row, 1 where none is declared."""
    return np.broadcast_to(np.asarray(data.get("exposure", 1.0), np.float64), int(data["N"]))

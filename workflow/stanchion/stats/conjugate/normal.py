"""Normal outcomes of known variance with a normal prior on their mean.

Gelman et al. (2013), Bayesian Data Analysis, 3rd edition, §2.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.stats.conjugate.densities import LOG_2PI, Floats, log_normal_of_residuals
from stanchion.stats.conjugate.marginal import Marginal, Normal
from stanchion.stats.conjugate.posterior import Data, Draws, Likelihood, Posterior, total


@dataclass(frozen=True)
class KnownVariance(Posterior):
    """Normal, before and after outcomes that each have a known standard deviation."""

    y: Floats
    deviations: Floats
    before: Normal
    after: Normal

    @classmethod
    def of(cls, data: Data, prior: Mapping[str, Any]) -> KnownVariance:
        """`y` by row, `sd` by row or for all; a prior with `mean` and `sd`."""
        y, deviations = np.asarray(data["y"], np.float64), deviations_of(data)
        before = Normal(float(prior["mean"]), float(prior["sd"]))
        weights = deviations**-2.0
        precision = total([before.sd**-2.0, *weights.tolist()])
        weighted = total([before.mean * before.sd**-2.0, *(y * weights).tolist()])
        return cls(y, deviations, before, Normal(weighted / precision, sqrt(1 / precision)))

    @property
    def log_evidence(self) -> float:
        """By p(y) = p(y | μ) p(μ) / p(μ | y) at the posterior's mean (Besag 1989)."""
        residuals = log_normal_of_residuals(self.y - self.after.mean, self.deviations**2)
        centre = self.after.mean
        return total(
            [
                *residuals.tolist(),
                _log_density(centre, self.before),
                -_log_density(centre, self.after),
            ]
        )

    def marginals(self) -> dict[str, Marginal]:
        """Normal."""
        return {"mu": self.after}

    def draw(self, size: int, generator: np.random.Generator) -> dict[str, Floats]:
        """Return draws of μ."""
        return {"mu": generator.normal(self.after.mean, self.after.sd, size)}

    def log_prior(self, draws: Draws) -> Floats:
        """Return the normal density before the data."""
        return log_normal_of_residuals(draws["mu"] - self.before.mean, self.before.sd**2)

    def log_density(self, draws: Draws) -> Floats:
        """Return the normal density after the data."""
        return log_normal_of_residuals(draws["mu"] - self.after.mean, self.after.sd**2)


@dataclass(frozen=True)
class KnownVarianceRows(Likelihood):
    """Outcomes with a known standard deviation each."""

    def log_density(self, draws: Draws) -> Floats:
        """Return the normal log density."""
        residuals = np.asarray(self.rows["y"], np.float64) - draws["mu"][:, None]
        return log_normal_of_residuals(residuals, deviations_of(self.rows) ** 2)

    def outcomes(self, draws: Draws, generator: np.random.Generator) -> NDArray[Any]:
        """Return normal outcomes."""
        size = len(draws["mu"]), int(self.rows["N"])
        noise = generator.standard_normal(size) * deviations_of(self.rows)
        return draws["mu"][:, None] + noise


def deviations_of(data: Data) -> Floats:
    """Return the known standard deviation of each row."""
    return np.broadcast_to(np.asarray(data["sd"], np.float64), int(data["N"]))


def _log_density(x: float, normal: Normal) -> float:
    return -(LOG_2PI / 2 + log(normal.sd) + ((x - normal.mean) / normal.sd) ** 2 / 2)

"""Exact posteriors of a hierarchy of normals, by a sum over a grid of its variances.

Given the variances all else is normal. Groups have the same rows of predictors (balanced), so that
each group's least squares and the residual sum of squares say all that its rows do (Lindley &
Smith 1972, J. Royal Statistical Society B 34: 1-41). Nothing here is by simulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Hierarchy:
    """Coefficients `group × coefficient` of balanced groups about a population's mean.

    `covariances`, `sigma` and `log_prior` are of the points of a grid.
    """

    design: Floats
    outcomes: Floats
    """`group × row`."""
    prior_mean: Floats
    prior_sd: Floats
    covariances: Floats
    """Of the groups' coefficients, `point × coefficient × coefficient`."""
    sigma: Floats
    log_prior: Floats

    @cached_property
    def fitted(self) -> Floats:
        """Each group's least squares."""
        return np.linalg.lstsq(self.design, self.outcomes.T)[0].T

    @cached_property
    def spread(self) -> Floats:
        """Covariance of a group's least squares at each point."""
        own = np.linalg.inv(self.design.T @ self.design)
        return np.asarray(self.covariances + self.sigma[:, None, None] ** 2 * own)

    @cached_property
    def restricted(self) -> Floats:
        """Restricted log likelihood of the variances at each point, up to a constant."""
        groups, rows = self.outcomes.shape
        apart = self.fitted - self.fitted.mean(axis=0)
        squares = np.sum((self.outcomes - self.fitted @ self.design.T) ** 2)
        between = np.einsum("pij,ji->p", np.linalg.inv(self.spread), apart.T @ apart)
        freedom = groups * (rows - self.design.shape[1])
        return np.asarray(
            -0.5 * (groups - 1) * np.log(np.linalg.det(self.spread))
            - 0.5 * between
            - freedom * np.log(self.sigma)
            - 0.5 * squares / self.sigma**2
        )

    @cached_property
    def weights(self) -> Floats:
        """Posterior probability of each point."""
        covariance = self.spread / len(self.outcomes) + np.diag(self.prior_sd**2)
        off = self.fitted.mean(axis=0) - self.prior_mean
        squares = np.einsum("i,pij,j->p", off, np.linalg.inv(covariance), off)
        log_density = self.restricted + self.log_prior - 0.5 * squares
        log_density -= 0.5 * np.log(np.linalg.det(covariance))
        weights = np.exp(log_density - log_density.max())
        return np.asarray(weights / weights.sum())

    @cached_property
    def population(self) -> tuple[Floats, Floats]:
        """Mean and covariance of the population's mean at each point."""
        groups = len(self.outcomes)
        precision = groups * np.linalg.inv(self.spread)
        prior = np.diag(self.prior_sd**-2.0)
        covariance = np.linalg.inv(precision + prior)
        right = precision @ self.fitted.mean(axis=0) + prior @ self.prior_mean
        return np.einsum("pij,pj->pi", covariance, right), covariance

    @cached_property
    def shrinkage(self) -> tuple[Floats, Floats]:
        """Share of a group's own least squares in its mean, and its covariance, at each point."""
        share = self.covariances @ np.linalg.inv(self.spread)
        rest = np.eye(self.design.shape[1]) - share
        _, covariance = self.population
        return share, rest @ self.covariances + rest @ covariance @ rest.transpose(0, 2, 1)

    def group(self, number: int) -> tuple[Floats, Floats]:
        """Mean and covariance of a group's coefficients at each point."""
        mean, _ = self.population
        share, covariance = self.shrinkage
        return mean + np.einsum("pij,pj->pi", share, self.fitted[number] - mean), covariance

    def new_group(self) -> tuple[Floats, Floats]:
        """Mean and covariance of the coefficients of a group that has no rows."""
        mean, covariance = self.population
        return mean, self.covariances + covariance

    def moments(self, means: Floats, variances: Floats | float = 0.0) -> tuple[float, float]:
        """Return mean and sd of what has these means and variances at the points."""
        mean = float(self.weights @ means)
        return mean, float(np.sqrt(self.weights @ (variances + (means - mean) ** 2)))

    def below(self, limit: float, means: Floats, variances: Floats) -> float:
        """Return the probability that what is normal at each point lies below a limit."""
        return float(self.weights @ stats.norm.cdf(limit, means, np.sqrt(variances)))


def half_normal(values: Floats, scale: float) -> Floats:
    """Return its log density, up to a constant."""
    return np.asarray(-0.5 * (values / scale) ** 2)

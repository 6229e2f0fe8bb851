"""Normal outcomes whose mean and variance are unknown, with a normal-inverse-gamma prior.

σ² ~ inverse gamma(shape, scale) and, given it, β ~ normal(mean, σ² precision⁻¹): Gelman et al.
(2013), Bayesian Data Analysis, 3rd edition, §3.3 and §14.8. Without a design matrix β is one
number, μ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from stanchion.errors import StepError
from stanchion.stats.conjugate.densities import (
    LOG_2PI,
    Floats,
    log_inverse_gamma,
    log_normal_of_residuals,
)
from stanchion.stats.conjugate.marginal import (
    InverseGamma,
    Marginal,
    RootInverseGamma,
    StudentT,
)
from stanchion.stats.conjugate.posterior import Data, Draws, Likelihood, Posterior, total

MOST_CONDITION = 1e12
"""Of the scaled precision: beyond it fewer than four digits of the coefficients are left."""


@dataclass(frozen=True)
class NormalInverseGamma:
    """β given σ² by mean and precision, σ² by shape and scale."""

    mean: Floats
    precision: Floats
    shape: float
    scale: float

    @cached_property
    def root(self) -> Floats:
        """The lower Cholesky factor of the precision."""
        return np.asarray(linalg.cholesky(self.precision, lower=True))

    @property
    def covariance(self) -> Floats:
        """The inverse of the precision: the variance of β in units of σ²."""
        return np.asarray(linalg.cho_solve((self.root, True), np.eye(len(self.mean))))

    def log_density(self, coefficients: Floats, variance: Floats) -> Floats:
        """Return the joint log density at each draw, `draw × coefficient` and `draw`."""
        scaled = np.einsum("dk,kj->dj", coefficients - self.mean, self.root)
        squares = (scaled * scaled).sum(axis=1) / variance
        count = len(self.mean)
        normal = np.log(np.diag(self.root)).sum() - (count * (LOG_2PI + np.log(variance))) / 2
        return normal - squares / 2 + log_inverse_gamma(variance, self.shape, self.scale)


@dataclass(frozen=True)
class Regression(Posterior):
    """Normal-inverse-gamma before and after the rows; `plain` where β is one number, μ."""

    rows: int
    before: NormalInverseGamma
    after: NormalInverseGamma
    plain: bool

    @classmethod
    def of(cls, data: Data, prior: Mapping[str, Any]) -> Regression:
        """`y` by row, `X` too where it is a regression.

        The prior has `mean`, `precision` (one number for all coefficients, one each, or of the
        precision the whole matrix), `shape` and `scale`.

        Raises:
            StepError: columns of `X` depend on each other so nearly that no digit is sure.
        """
        y, design = np.asarray(data["y"], np.float64), design_of(data)
        before = _prior(prior, design.shape[1])
        precision = _precision(before, design)
        weighted = _exact_sums(design * y[:, None], before.precision * before.mean)
        mean = np.linalg.solve(precision, weighted)
        shift, residuals = mean - before.mean, y - np.einsum("nk,k->n", design, mean)
        spread = shift @ before.precision @ shift
        scale = total([before.scale, *(residuals**2 / 2).tolist(), float(spread) / 2])
        after = NormalInverseGamma(mean, precision, before.shape + len(y) / 2, scale)
        return cls(len(y), before, after, "X" not in data)

    @property
    def log_evidence(self) -> float:
        """The densities' normalising constants (Gelman et al. 2013, §14.8)."""
        from scipy.special import gammaln

        before, after = self.before, self.after
        roots = [np.log(np.diag(side.root)).sum() for side in (before, after)]
        return total(
            [
                -self.rows * LOG_2PI / 2,
                roots[0],
                -roots[1],
                before.shape * log(before.scale),
                -after.shape * log(after.scale),
                float(gammaln(after.shape)),
                -float(gammaln(before.shape)),
            ]
        )

    def marginals(self) -> dict[str, Marginal]:
        """Student's t with 2 × shape degrees of freedom; inverse gamma, and the root of it."""
        after = self.after
        spreads = np.sqrt(after.scale / after.shape * np.diag(after.covariance))
        both = zip(after.mean.tolist(), spreads.tolist(), strict=True)
        students = [StudentT(2 * after.shape, mean, spread) for mean, spread in both]
        named: dict[str, Marginal] = (
            {"mu": students[0]}
            if self.plain
            else {f"beta[{k + 1}]": student for k, student in enumerate(students)}
        )
        return named | {
            "sigma2": InverseGamma(after.shape, after.scale),
            "sigma": RootInverseGamma(after.shape, after.scale),
        }

    def draw(self, size: int, generator: np.random.Generator) -> dict[str, Floats]:
        """Return draws of σ², of β given it, and of σ."""
        after = self.after
        variance = after.scale / generator.gamma(after.shape, 1.0, size)
        noise = generator.standard_normal((len(after.mean), size))
        spread = linalg.solve_triangular(after.root, noise, lower=True, trans="T").T
        coefficients = after.mean + spread * np.sqrt(variance)[:, None]
        named = {"mu": coefficients[:, 0]} if self.plain else {"beta": coefficients}
        return named | {"sigma2": variance, "sigma": np.sqrt(variance)}

    def log_prior(self, draws: Draws) -> Floats:
        """Return the density of β and σ² before the data."""
        return self.before.log_density(coefficients_of(draws), draws["sigma2"])

    def log_density(self, draws: Draws) -> Floats:
        """Return the density of β and σ² after the data."""
        return self.after.log_density(coefficients_of(draws), draws["sigma2"])


@dataclass(frozen=True)
class RegressionRows(Likelihood):
    """Outcomes of a mean, or of a design matrix."""

    def log_density(self, draws: Draws) -> Floats:
        """Return the normal log density."""
        residuals = np.asarray(self.rows["y"], np.float64) - self._means(draws)
        return log_normal_of_residuals(residuals, draws["sigma2"][:, None])

    def outcomes(self, draws: Draws, generator: np.random.Generator) -> NDArray[Any]:
        """Return normal outcomes."""
        means = self._means(draws)
        return means + draws["sigma"][:, None] * generator.standard_normal(means.shape)

    def _means(self, draws: Draws) -> Floats:
        return np.einsum("dk,nk->dn", coefficients_of(draws), design_of(self.rows))


def design_of(data: Data) -> Floats:
    """Return the design matrix, a column of ones where there is none."""
    if "X" in data:
        return np.asarray(data["X"], np.float64).reshape(int(data["N"]), int(data["K"]))
    return np.ones((int(data["N"]), 1))


def coefficients_of(draws: Draws) -> Floats:
    """Return `draw × coefficient`."""
    return draws["beta"] if "beta" in draws else draws["mu"][:, None]


def _prior(prior: Mapping[str, Any], count: int) -> NormalInverseGamma:
    precision = np.asarray(prior["precision"], np.float64)
    if precision.ndim < 2:
        precision = np.diag(np.broadcast_to(precision, count))
    mean = np.array(np.broadcast_to(np.asarray(prior["mean"], np.float64), count))
    return NormalInverseGamma(mean, precision, float(prior["shape"]), float(prior["scale"]))


def _precision(before: NormalInverseGamma, design: Floats) -> Floats:
    """Return the precision after the data: XᵀX, each element an exact sum, added to the prior's."""
    count = design.shape[1]
    precision = np.empty((count, count))
    for column in range(count):
        products = design[:, : column + 1] * design[:, [column]]
        sums = _exact_sums(products, before.precision[column, : column + 1][:, None])
        precision[column, : column + 1] = precision[: column + 1, column] = sums
    scales = np.sqrt(np.diag(precision))
    if not np.isfinite(precision).all() or np.linalg.cond(precision / scales / scales[:, None]) > (
        MOST_CONDITION
    ):
        raise StepError(
            "columns of X depend on each other, and the prior does not tell them apart: no digit "
            "of their coefficients would be sure",
            todo="leave one of the columns out, or raise the prior's precision",
        )
    return precision


def _exact_sums(products: Floats, priors: Floats) -> Floats:
    """Return the sum of each column with what the prior adds, a row of terms each."""
    rows = np.atleast_2d(priors) if priors.ndim > 1 else priors[:, None]
    return np.array(
        [
            total([*terms, *more])
            for terms, more in zip(products.T.tolist(), rows.tolist(), strict=True)
        ]
    )

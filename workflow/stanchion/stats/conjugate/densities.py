"""Log densities of counts that stay exact where the counts are large.

A difference of log-gamma functions loses all digits at counts of 1e15. Loader (2000), "Fast and
accurate computation of binomial probabilities", writes a density as its deviance and the errors of
Stirling's formula, which are small where the density is large.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
LOG_2PI = float(np.log(2 * np.pi))
_LARGE = 16.0
_NEAR = 0.1
_SMALL_COUNT = 1e6
_TERMS = 12


def stirling_error(x: Any) -> Floats:
    """Return log Γ(x + 1) − [(x + ½) log x − x + ½ log 2π] for x > 0 (Loader 2000, §2)."""
    x = np.asarray(x, np.float64)
    small = np.minimum(x, _LARGE)
    exact = special.gammaln(small + 1) - (small + 0.5) * np.log(small) + small - LOG_2PI / 2
    large = np.maximum(x, _LARGE)
    square = large * large
    series = 1 / 1680 - 1 / 1188 / square
    for coefficient in (1 / 1260, 1 / 360, 1 / 12):
        series = coefficient - series / square
    return np.where(x < _LARGE, exact, series / large)


def deviance(x: Any, mean: Any) -> Floats:
    """Return x log(x / mean) + mean − x, by its series where the two are near (Loader 2000, §3)."""
    x, mean = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(mean, np.float64))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        direct = special.xlogy(x, x / mean) + mean - x
        ratio = (x - mean) / (x + mean)
        square = ratio * ratio
        series = np.zeros_like(ratio)
        for term in range(_TERMS, 0, -1):
            series = square * (1 / (2 * term + 1) + series)
        near = np.abs(ratio) < _NEAR
        return np.where(near, (x - mean) * ratio + 2 * x * ratio * series, direct)


def log_poisson(count: Any, mean: Any) -> Floats:
    """Return log(mean^x e^−mean / Γ(x + 1)), also for x that are no integers; log 1 of 0 at 0."""
    count, mean = np.asarray(count, np.float64), np.asarray(mean, np.float64)
    positive = np.where(count > 0, count, 1.0)
    constant = stirling_error(positive) + (LOG_2PI + np.log(positive)) / 2
    return -np.where(count > 0, constant + deviance(positive, mean), mean)


def log_poisson_of_rows(counts: Floats, means: Floats) -> Floats:
    """Return the log density of each row's count at `draw × row` means.

    Where both are small the terms are, too, and their plain sum keeps nine digits or more.
    """
    if max(counts.max(initial=0), means.max(initial=0)) > _SMALL_COUNT:
        return log_poisson(counts, means)
    return special.xlogy(counts, means) - means - special.gammaln(counts + 1)


def log_multinomial(counts: Any, probabilities: Any) -> Floats:
    """Return log[Γ(n + 1) Π p_k^c_k / Γ(c_k + 1)] over the last axis, where the p sum to one.

    Also for c that are no integers; where all are zero it is log 1.
    """
    counts = np.asarray(counts, np.float64)
    total = counts.sum(axis=-1)
    each = log_poisson(counts, total[..., None] * np.asarray(probabilities, np.float64))
    # The Poisson densities of the parts, over that of their sum at its own mean
    return each.sum(axis=-1) - log_poisson(total, total)


def log_multinomial_of_rows(counts: Floats, probabilities: Floats) -> Floats:
    """Return the log density of each row of counts, `row × k`, at each of `draw × k`.

    Where the counts are small the terms are, too, and their plain sum keeps nine digits or more at
    a fraction of the cost.
    """
    total = counts.sum(axis=1)
    if total.max(initial=0) > _SMALL_COUNT:
        return log_multinomial(counts, probabilities[:, None, :])
    constant = special.gammaln(total + 1) - special.gammaln(counts + 1).sum(axis=1)
    return constant + np.einsum("dk,nk->dn", np.log(probabilities), counts)


def log_dirichlet(probabilities: Any, concentration: Any) -> Floats:
    """Return the log density of a Dirichlet distribution over the last axis.

    Γ(α) = Γ(α + 1) / α makes it the multinomial one of counts α, for any α > 0.
    """
    concentration = np.asarray(concentration, np.float64)
    probabilities = np.asarray(probabilities, np.float64)
    ratios = np.log(concentration) - np.log(probabilities)
    counted = log_multinomial(concentration, probabilities)
    return counted + ratios.sum(axis=-1) - np.log(concentration.sum(axis=-1))


def log_gamma(x: Any, shape: float, rate: float) -> Floats:
    """Return the log density at x of a gamma distribution by shape and rate."""
    x = np.asarray(x, np.float64)
    return log_poisson(shape, rate * x) + np.log(shape) - np.log(x)


def log_inverse_gamma(x: Any, shape: float, scale: float) -> Floats:
    """Return the log density at x of an inverse gamma distribution by shape and scale."""
    x = np.asarray(x, np.float64)
    return log_poisson(shape, scale / x) + np.log(shape) - np.log(x)


def log_normal_of_residuals(residuals: Any, variance: Any) -> Floats:
    """Return the log density of normal residuals, each with its variance."""
    residuals, variance = np.asarray(residuals, np.float64), np.asarray(variance, np.float64)
    return -(LOG_2PI + np.log(variance) + residuals * residuals / variance) / 2

"""Pareto-smoothed importance sampling, and leave-one-out cross-validation by it.

Vehtari, Simpson, Gelman, Yao and Gabry (2024), "Pareto smoothed importance sampling", JMLR 25(72),
arXiv:1507.02646; Vehtari, Gelman and Gabry (2017), "Practical Bayesian model evaluation using
leave-one-out cross-validation and WAIC", doi:10.1007/s11222-016-9696-4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor, inf, log, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from stanchion.stats.convergence import relative_ess
from stanchion.stats.thresholds import khat_threshold

Floats = NDArray[np.float64]
_FEWEST_IN_TAIL = 5
_BLOCK = 256


@dataclass(frozen=True)
class Smoothed:
    """Importance weights after smoothing: logarithms that sum to one, and the tail's shape."""

    log_weights: Floats
    khat: float


@dataclass(frozen=True)
class Loo:
    """Leave-one-out predictive densities from so many draws: one number an observation."""

    elpd: Floats
    p: Floats
    khat: Floats
    draws: int

    @property
    def bad(self) -> NDArray[np.bool_]:
        """Where k̂ says that the density is not to be trusted."""
        return is_bad(self.khat, self.draws)

    @property
    def se(self) -> float:
        """The standard error of the summed elpd."""
        return standard_error(self.elpd)


def smooth(log_ratios: Floats, relative_ess: float = 1.0) -> Smoothed:
    """Smooth the largest of the importance ratios of all draws; takes their logarithms.

    The tail holds min(S/5, 3 √(S / relative_ess)) of S draws. k̂ is NaN where the tail is too short
    or too coarse for a generalised Pareto distribution, and infinite where a ratio is.
    """
    size, highest = len(log_ratios), log_ratios.max()
    if not np.isfinite(highest):
        return Smoothed(np.full(size, nan), inf)
    shifted = log_ratios - highest
    count = min(floor(size / 5), floor(3 * sqrt(size / relative_ess)))
    khat = nan
    if count >= _FEWEST_IN_TAIL:
        order = np.argpartition(shifted, size - count - 1)
        cutoff = shifted[order[size - count - 1]]
        tail = order[size - count :]
        tail = tail[np.argsort(shifted[tail], kind="stable")]
        khat, sigma = fit_pareto(np.exp(shifted[tail]) - np.exp(cutoff))
        if np.isfinite(khat):
            places = (np.arange(count) + 0.5) / count
            quantiles = np.exp(cutoff) + _pareto_quantile(places, khat, sigma)
            shifted[tail] = np.minimum(np.log(quantiles), 0.0)
    return Smoothed(shifted - _log_sum(shifted), khat)


def fit_pareto(excess: Floats) -> tuple[float, float]:
    """Fit shape and scale of a generalised Pareto distribution to sorted excesses.

    Zhang and Stephens (2009), doi:10.1198/tech.2009.08017, with the weak prior on the shape of
    Vehtari et al. (2024). The shape is NaN where a quarter of the excesses are equal.
    """
    size = len(excess)
    quartile = excess[floor(size / 4 + 0.5) - 1]
    if not quartile > excess[0]:
        return nan, nan
    grid = 30 + floor(sqrt(size))
    theta = 1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))
    theta = theta / (3 * quartile) + 1 / excess[-1]
    shape = np.log1p(-theta[:, None] * excess).mean(axis=1)
    profile = size * (np.log(-theta / shape) - shape - 1)
    weight = np.exp(profile - _log_sum(profile))
    weight[weight < 10 * np.finfo(float).eps] = 0
    chosen = float(np.sum(theta * weight) / weight.sum())
    khat = float(np.log1p(-chosen * excess).mean())
    sigma = -khat / chosen
    return (khat * size + 0.5 * 10) / (size + 10), sigma


def loo(log_likelihood: Floats) -> Loo:
    """Return the PSIS-LOO of a log likelihood, `chain × draw × observations`.

    The tails' lengths follow from the relative effective sample size of each observation's
    likelihood, as in R's loo.
    """
    chains, draws, observations = log_likelihood.shape
    elpd, p, khat = np.empty((3, observations))
    for place, row, share in _each_observation(log_likelihood):
        smoothed = smooth(-row, share)
        elpd[place] = _log_sum(smoothed.log_weights + row)
        p[place] = _log_sum(row) - log(chains * draws) - elpd[place]
        khat[place] = smoothed.khat
    return Loo(elpd, p, khat, chains * draws)


def approximate_loo(log_likelihood: Floats, log_p: Floats, log_q: Floats) -> Loo:
    """Return the PSIS-LOO of draws from an approximation, `1 × draw × observations`.

    The draws are those of the approximation as they came, and `log_p` and `log_q` the log densities
    of posterior and approximation, `draw` long (Magnusson, Riis Andersen, Jonasson and Vehtari
    2019, arXiv:1904.10679).
    """
    from arviz_stats.base import array_stats

    rows = np.moveaxis(log_likelihood, 2, 0).reshape(log_likelihood.shape[2], -1)
    found = [
        array_stats.loo_approximate_posterior(row, log_p, log_q, chain_axis=None, draw_axis=-1)
        for row in rows
    ]
    elpd, khat, p = np.array(found, dtype=np.float64).T
    return Loo(elpd, p, khat, rows.shape[1])


def leave_one_out(log_likelihood: Floats, log_ratios: Floats | None = None) -> Iterator[Smoothed]:
    """Yield, for each observation, the weights of all draws that leave it out, with their k̂.

    `log_ratios` are log_p − log_q of independent draws from an approximation, `draw` long; they are
    smoothed together with what leaves the observation out (Magnusson et al. 2019).
    """
    for _, row, share in _each_observation(log_likelihood):
        yield smooth(-row, share) if log_ratios is None else smooth(log_ratios - row)


def is_bad(khat: Floats, draws: int) -> NDArray[np.bool_]:
    """Tell which k̂ are not to be trusted; one that could not be estimated is not."""
    return ~(khat <= khat_threshold(draws))


def worst_khat(khat: Floats) -> float:
    """Return the largest k̂; NaN where one could not be estimated, which may be the worst."""
    return float(np.max(khat)) if len(khat) else nan


def standard_error(pointwise: Floats) -> float:
    """Return the standard error of a sum over independent observations."""
    return sqrt(len(pointwise) * np.var(pointwise, ddof=1)) if len(pointwise) > 1 else nan


def _each_observation(log_likelihood: Floats) -> Iterator[tuple[int, Floats, float]]:
    """Yield place, log likelihood of all draws and relative ESS of each observation."""
    observations = log_likelihood.shape[2]
    for start in range(0, observations, _BLOCK):
        block = np.moveaxis(log_likelihood[:, :, start : start + _BLOCK], 2, 0)
        rows = np.ascontiguousarray(block).reshape(len(block), -1)
        likelihood = np.exp(rows - rows.max(axis=1, keepdims=True)).reshape(block.shape)
        shares = relative_ess(likelihood)
        for offset, (row, share) in enumerate(zip(rows, shares, strict=True)):
            yield start + offset, row, float(share)


def _pareto_quantile(probability: Floats, shape: float, scale: float) -> Floats:
    if shape == 0:
        return -scale * np.log1p(-probability)
    return scale * np.expm1(-shape * np.log1p(-probability)) / shape


def _log_sum(logarithms: Floats) -> float:
    """Return the logarithm of a sum of exponentials."""
    highest = float(logarithms.max())
    return highest + log(np.exp(logarithms - highest).sum()) if np.isfinite(highest) else highest

"""Pareto-smoothed importance sampling, and leave-one-out cross-validation by it.

Vehtari, Simpson, Gelman, Yao and Gabry (2024), "Pareto smoothed importance sampling", JMLR 25(72),
arXiv:1507.02646; Vehtari, Gelman and Gabry (2017), "Practical Bayesian model evaluation using
leave-one-out cross-validation and WAIC", doi:10.1007/s11222-016-9696-4. ArviZ computes both; here
stand what it raises on, and the relative effective sample size of each observation, as in R's loo,
where ArviZ's own `loo` takes one for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import inf, nan, sqrt

import numpy as np
from arviz_stats.base import array_stats
from numpy.typing import NDArray

from stanchion.stats.convergence import relative_ess
from stanchion.stats.thresholds import khat_threshold

Floats = NDArray[np.float64]
_FEWEST_RATIOS = 25
"""A fifth of them is the tail, which has at least five."""
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
        """The standard error of the summed elpd; NaN of one observation."""
        size = len(self.elpd)
        return sqrt(size * np.var(self.elpd, ddof=1)) if size > 1 else nan


def smooth(log_ratios: Floats, relative_ess: float = 1.0) -> Smoothed:
    """Smooth the largest of the importance ratios of all draws; takes their logarithms.

    k̂ is NaN where the tail is too short or too even for a generalised Pareto distribution, which
    leaves the weights as they are, and infinite where a ratio is.
    """
    size, highest = len(log_ratios), log_ratios.max()
    if not np.isfinite(highest):
        return Smoothed(np.full(size, nan), inf)
    if size >= _FEWEST_RATIOS:
        # psislw negates what it takes, raises where all of the tail is equal, and gives a k̂ to
        # weights that are NaN where most of the tail is 0 but for its rounding.
        with np.errstate(all="ignore"), suppress(ValueError):
            log_weights, khat = array_stats.psislw(-log_ratios, r_eff=relative_ess)
            if not np.isnan(log_weights).any():
                return Smoothed(log_weights, float(khat))
    shifted = log_ratios - highest
    return Smoothed(shifted - np.log(np.exp(shifted).sum()), nan)


def loo(log_likelihood: Floats, log_ratios: Floats | None = None) -> Loo:
    """Return the PSIS-LOO of a log likelihood, `chain × draw × observations`.

    `log_ratios` are those of an approximation's draws as they came (see `leave_one_out`).
    """
    chains, draws, observations = log_likelihood.shape
    elpd, p, khat = np.empty((3, observations))
    for index, (row, smoothed) in enumerate(_each_observation(log_likelihood, log_ratios)):
        elpd[index], khat[index], p[index] = array_stats.loo(
            row[None], log_weights=smoothed.log_weights[None], pareto_k=smoothed.khat
        )
    return Loo(elpd, p, khat, chains * draws)


def leave_one_out(log_likelihood: Floats, log_ratios: Floats | None = None) -> Iterator[Smoothed]:
    """Yield, for each observation, the weights of all draws that leave it out, with their k̂.

    `log_ratios` are log_p − log_q of independent draws from an approximation, `draw` long; they are
    smoothed together with what leaves the observation out (Magnusson, Riis Andersen, Jonasson and
    Vehtari 2019, arXiv:1904.10679).
    """
    return (smoothed for _, smoothed in _each_observation(log_likelihood, log_ratios))


def is_bad(khat: Floats, draws: int) -> NDArray[np.bool_]:
    """Tell which k̂ are not to be trusted; one that could not be estimated is not."""
    return ~(khat <= khat_threshold(draws))


def worst_khat(khat: Floats) -> float:
    """Return the largest k̂; NaN where one could not be estimated, which may be the worst."""
    return float(np.max(khat)) if len(khat) else nan


def _each_observation(
    log_likelihood: Floats, log_ratios: Floats | None
) -> Iterator[tuple[Floats, Smoothed]]:
    """Yield the log likelihood of all draws and the weights without it, for each observation."""
    for start in range(0, log_likelihood.shape[2], _BLOCK):
        block = np.moveaxis(log_likelihood[:, :, start : start + _BLOCK], 2, 0)
        rows = np.ascontiguousarray(block).reshape(len(block), -1)
        likelihood = np.exp(rows - rows.max(axis=1, keepdims=True)).reshape(block.shape)
        for row, share in zip(rows, relative_ess(likelihood).tolist(), strict=True):
            yield row, smooth(-row, share) if log_ratios is None else smooth(log_ratios - row)

"""Draws of an approximation reweighted to the posterior: resampling, and Monte Carlo errors.

Yao, Vehtari, Simpson and Gelman (2018), "Yes, but did it work?", arXiv:1802.02538: a good k̂ of the
ratios p / q licenses estimates that are weighted by them, not the draws from q as they stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.stats.convergence import TAILS
from stanchion.stats.psis import smooth
from stanchion.stats.summary import SAMPLING, Numbers, by_blocks
from stanchion.stats.thresholds import khat_threshold

Floats = NDArray[np.float64]

_LEAST_SHARE, _ERRORS = 0.01, 4
_ROUNDING, _LEAST_RANGE = 1e-12, 1.0


@dataclass(frozen=True)
class Importance:
    """How much each draw from an approximation counts, and whether that is to be trusted.

    `log_weights` are logarithms of weights that sum to one, smoothed by PSIS; NaN where a ratio is
    not finite. `threshold` is the k̂ up to which the weights may be used.
    """

    log_weights: Floats
    khat: float
    threshold: float

    @property
    def usable(self) -> bool:
        """Whether k̂ licenses the weights; one that cannot be estimated does not."""
        return self.khat <= self.threshold

    @property
    def weights(self) -> Floats:
        """The weights themselves; they sum to one."""
        weights = np.exp(self.log_weights)
        return weights / weights.sum()

    @property
    def ess(self) -> float:
        """The effective sample size of the weights, 1 / Σw² (Kong 1992)."""
        return float(1 / np.square(self.weights).sum())


def importance(log_p: Floats, log_q: Floats) -> Importance:
    """Return the weights of draws from q as draws from p; takes the log densities of each draw.

    k̂ ≤ min(1 − 1 / log10 S, 0.7) for S draws (Vehtari et al. 2024, arXiv:1507.02646). Where q is
    the same as p at all draws, but for a constant, there is no tail to fit, and none that could be
    heavy: k̂ is 0.
    """
    threshold = khat_threshold(len(log_p))
    if _are_alike(log_p, log_q):
        return Importance(np.full(len(log_p), -np.log(len(log_p))), 0.0, threshold)
    with np.errstate(invalid="ignore"):
        smoothed = smooth(log_p - log_q)
    return Importance(smoothed.log_weights, smoothed.khat, threshold)


def _are_alike(log_p: Floats, log_q: Floats) -> bool:
    """Tell whether two log densities differ by one constant up to rounding, though q itself varies.

    One that has collapsed to a point varies by rounding alone, and is like anything.
    """
    scale = max(float(np.abs(log_p).max()), float(np.abs(log_q).max()), 1.0)
    if not np.isfinite(scale):
        return False
    return bool(np.ptp(log_p - log_q) <= _ROUNDING * scale and np.ptp(log_q) > _LEAST_RANGE)


def resample(weights: Floats, seed: int) -> NDArray[np.intp]:
    """Return indices of as many draws as there are, each as often as its weight says, in order.

    Systematic resampling: draw i is taken ⌊S wᵢ⌋ or ⌈S wᵢ⌉ times, one random offset decides
    (Kitagawa 1996, Journal of Computational and Graphical Statistics 5: 1-25).
    """
    size = len(weights)
    positions = (np.random.default_rng(seed).random() + np.arange(size)) / size
    shares = np.cumsum(weights)
    return np.minimum(np.searchsorted(shares / shares[-1], positions, side="right"), size - 1)


def part_differences(draws: Floats, weights: Floats, parts: NDArray[np.intp]) -> Floats:
    """Return how far each part's weighted means are from those of all, `part × column`.

    Draws are `draw × column`, `parts` the index of each one's part. In sds of all, beyond four
    Monte Carlo errors of the part's mean; 0 of a constant column, one without a value in some draw,
    and a part with less than a hundredth of an equal share of the weights, which moves no mean
    visibly.
    """
    count = int(parts.max()) + 1
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        mean = weights @ draws
        sd = np.sqrt(weights @ np.square(draws - mean))
        distances = np.zeros((count, draws.shape[1]))
        for part in range(count):
            inside = parts == part
            share = weights[inside].sum()
            if share * count >= _LEAST_SHARE:
                inside_weights = weights[inside] / share
                centre = inside_weights @ draws[inside]
                error = np.sqrt(np.square(inside_weights) @ np.square(draws[inside] - centre))
                beyond = np.abs(centre - mean) - _ERRORS * error
                distances[part] = np.maximum(beyond, 0) / sd
        return np.where(np.isfinite(sd) & (np.ptp(draws, axis=0) > 0), distances, 0.0)


def weighted_errors(draws: Floats, columns: list[int], weights: Floats) -> Numbers:
    """Return the Monte Carlo columns of summary.csv for `1 × draw × columns` with these weights.

    With m = Σwx and v = Σw(x − m)², the squared errors are Σw²(x − m)² of the mean (Geweke 1989,
    Econometrica 57: 1317-1339; Owen 2013, equation 9.9) and Σw²((x − m)² − v)² / 4v of the standard
    deviation (delta method). To each comes what systematic resampling adds, Σf(1 − f)(…)² / S², f
    being the fraction of S w that is left to chance. The effective sample size is 1 / Σw² (Kong
    1992) for the bulk; for the tails, the worse of p(1 − p) / Σw²(I − p)² for the indicators I of
    lying below the 5 % and the 95 % quantile. R-hat is NaN, and all are of a constant column.

    The heavier the weights' tail, the more the errors leave out: for normal distributions they were
    right at k̂ 0.3, and at k̂ 0.5 up to half of the true ones.
    """
    return by_blocks(partial(_of_block, weights=weights), draws, columns)


def _of_block(draws: Floats, *, weights: Floats) -> Numbers:
    rows = draws[:, 0]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        mean = (rows * weights).sum(1, keepdims=True)
        squares = np.square(rows - mean)
        variance = (squares * weights).sum(1, keepdims=True)
        valid = (np.isfinite(variance) & (np.ptp(rows, axis=1, keepdims=True) > 0))[:, 0]
        fraction = np.modf(len(weights) * weights)[0]
        chance = np.square(weights) + fraction * (1 - fraction) / len(weights) ** 2
        mcse_mean = np.sqrt((chance * squares).sum(1))
        spread = (chance * np.square(squares - variance)).sum(1)
        mcse_sd = np.sqrt(spread / variance[:, 0]) / 2
        bulk = np.full(len(rows), 1 / np.square(weights).sum())
        columns = (mcse_mean, mcse_sd, bulk, _tail_ess(rows, weights), np.full(len(rows), np.nan))
        return {n: np.where(valid, v, np.nan) for n, v in zip(SAMPLING, columns, strict=True)}


def _tail_ess(rows: Floats, weights: Floats) -> Floats:
    """Return the effective sample size of the worse of the two tails' probabilities."""
    order = np.argsort(rows, axis=1, kind="stable")
    shares = np.cumsum(weights[order], axis=1)
    squares = np.cumsum(np.square(weights)[order], axis=1)
    return np.minimum(*(_indicator_ess(shares, squares, tail) for tail in TAILS))


def _indicator_ess(shares: Floats, squares: Floats, tail: float) -> Any:
    index = np.minimum((shares < tail).sum(1), shares.shape[1] - 2)[:, None]
    below = np.take_along_axis(shares, index, 1)[:, 0]
    inside = np.take_along_axis(squares, index, 1)[:, 0]
    error = inside * (1 - below) ** 2 + (squares[:, -1] - inside) * below**2
    return below * (1 - below) / error

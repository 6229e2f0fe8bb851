"""Split R-hat, effective sample sizes and Monte Carlo errors of many scalars at once.

The definitions are those of Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021),
"Rank-normalization, folding, and localization: an improved R-hat", Bayesian Analysis 16(2),
doi:10.1214/20-BA1221, as in R's posterior and in ArviZ. ArviZ loops over scalars; here a
block of columns is sorted once and judged as a whole, in a sixth of its time (benchmarks/stats.py).
The tests hold every number to ArviZ's, and those of its guards say where the two differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stanchion.stats.ess import ess
from stanchion.stats.ranks import Indices, median, normal_scores, quantile, sort

Floats = NDArray[np.float64]
TAILS = (0.05, 0.95)
_FEWEST_DRAWS = 4


@dataclass(frozen=True)
class Block:
    """Draws of some scalars, `columns × chain × draw`, with all draws of each in order."""

    draws: Floats
    ordered: Floats
    indices: Indices

    @classmethod
    def of(cls, draws: Floats) -> Block:
        """Sort each column over all its chains."""
        columns, chains, length = draws.shape
        return cls(draws, *sort(draws.reshape(columns, chains * length)))

    def judgeable(self) -> NDArray[np.bool_]:
        """Return which columns vary, are finite, and have chains of at least four draws."""
        lowest, highest = self.ordered[:, 0], self.ordered[:, -1]
        finite = np.isfinite(lowest) & np.isfinite(highest)
        return finite & (lowest < highest) & (self.draws.shape[2] >= _FEWEST_DRAWS)

    def take(self, mask: NDArray[np.bool_]) -> Block:
        """Return the columns of a mask."""
        if mask.all():
            return self
        return Block.of(self.draws[mask])


@dataclass(frozen=True)
class Mixing:
    """How well the chains of each column agree and move; NaN where that cannot be judged."""

    rhat: Floats
    ess_bulk: Floats
    ess_tail: Floats


def mixing(block: Block) -> Mixing:
    """Return R-hat and the effective sample sizes of bulk and tails.

    R-hat is the larger of the rank-normalised split R-hats of the draws and of their folds; the
    tails are judged by the worse of the 5 % and the 95 % quantile.
    """
    valid = block.judgeable()
    numbers = np.full((3, len(valid)), np.nan)
    if valid.any():
        judged = block.take(valid)
        numbers[0, valid], numbers[1, valid] = _rhat_and_ess_bulk(judged)
        numbers[2, valid] = _ess_tail(judged)
    return Mixing(*numbers)


def monte_carlo_errors(block: Block) -> tuple[Floats, Floats]:
    """Return the Monte Carlo standard errors of mean and standard deviation (delta method)."""
    valid = block.judgeable()
    mean, sd = np.full((2, len(valid)), np.nan)
    if valid.any():
        draws = block.take(valid).draws
        squares = (draws - draws.mean((1, 2), keepdims=True)) ** 2
        variance = squares.mean((1, 2))
        spread = (squares**2).mean((1, 2)) - variance**2
        mean[valid] = np.std(draws, axis=(1, 2), ddof=1) / np.sqrt(ess(split(draws)))
        with np.errstate(divide="ignore", invalid="ignore"):
            sd[valid] = np.sqrt(spread / ess(split(squares)) / variance) / 2
    return mean, sd


def relative_ess(draws: Floats) -> Floats:
    """Return each column's effective sample size of the mean, as a share of its draws."""
    return ess(split(draws)) / draws[0].size if draws.size else np.ones(len(draws))


def split(draws: Floats) -> Floats:
    """Split each chain into its first and its last half; an odd draw in the middle is left out."""
    half = draws.shape[2] // 2
    columns, chains, length = draws.shape
    if length == 2 * half:
        return draws.reshape(columns, 2 * chains, half)
    return np.concatenate([draws[:, :, :half], draws[:, :, length - half :]], axis=1)


def _rhat_and_ess_bulk(block: Block) -> tuple[Floats, Floats]:
    halves = split(block.draws)
    if block.draws.shape[2] % 2:
        block = Block.of(halves)
    shape = halves.shape
    scores = normal_scores(block.ordered, block.indices).reshape(shape)
    distance = np.abs(block.ordered - median(block.ordered)[:, None])
    # Distances from the median of sorted draws fall, then rise: a stable sort only merges them.
    ordered, indices = sort(distance, kind="stable")
    folded = normal_scores(ordered, block.indices.ravel()[indices])
    rhat = np.maximum(_rhat(scores), _rhat(folded.reshape(shape)))
    return rhat, ess(scores)


def _rhat(chains: Floats) -> Floats:
    """Return Gelman and Rubin's R-hat of chains as they stand (equations 1 to 4)."""
    draws = chains.shape[2]
    means = chains.mean(2)
    within = np.square(chains - means[:, :, None]).sum(2).mean(1) / (draws - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt((draws * means.var(1, ddof=1) / within + draws - 1) / draws)


def _ess_tail(block: Block) -> Floats:
    cuts = [quantile(block.ordered, tail)[:, None, None] for tail in TAILS]
    low, high = (ess(split((block.draws <= cut).astype(np.float64))) for cut in cuts)
    return np.minimum(low, high)

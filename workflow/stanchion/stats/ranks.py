"""Draws in order: ranks, their normal scores, quantiles (`columns × all draws`)."""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


def sort(
    draws: Floats, kind: Literal["quicksort", "stable"] = "quicksort"
) -> tuple[Floats, Indices]:
    """Return each row sorted, and the indices its values come from, counted through all rows."""
    indices = np.argsort(draws, axis=1, kind=kind)
    indices += np.arange(0, draws.size, draws.shape[1])[:, None]
    return draws.ravel()[indices], indices


def quantile(ordered: Floats, prob: float) -> Floats:
    """Return a quantile of each sorted row, interpolated linearly (R's type 7)."""
    last = ordered.shape[1] - 1
    position = prob * last
    low = int(position)
    below, above = ordered[:, low], ordered[:, min(low + 1, last)]
    return np.where(below == above, below, below + (above - below) * (position - low))


def median(ordered: Floats) -> Floats:
    """Return the median of each sorted row."""
    size = ordered.shape[1]
    return (ordered[:, (size - 1) // 2] + ordered[:, size // 2]) / 2


def normal_scores(ordered: Floats, indices: Indices) -> Floats:
    """Replace each draw by the normal quantile of its mean rank, with Blom's offset 3/8.

    Takes sorted rows and the indices they come from; returns scores in the draws' own order.
    """
    size = ordered.shape[1]
    table = _quantile_table(size)
    scores = np.tile(table[::2], len(ordered))
    first, last = _ties(ordered)
    lengths = last - first + 1
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    tied = table[first % size + last % size]
    scores[np.repeat(first, lengths) + within] = np.repeat(tied, lengths)
    unsorted = np.empty_like(scores)
    unsorted[indices.ravel()] = scores
    return unsorted.reshape(ordered.shape)


def _ties(ordered: Floats) -> tuple[Indices, Indices]:
    """Return the first and the last index of each run of equal values, through all sorted rows."""
    flat = ordered.ravel()
    same = flat[1:] == flat[:-1]
    same[ordered.shape[1] - 1 :: ordered.shape[1]] = False
    tied = np.flatnonzero(same)
    apart = np.diff(tied) != 1
    first = tied[np.append(True, apart)[: len(tied)]]
    return first, tied[np.append(apart, True)[: len(tied)]] + 1


@lru_cache(maxsize=8)
def _quantile_table(size: int) -> Floats:
    """Return the normal score of each doubled rank; the standard library's quantile is exact."""
    score = NormalDist().inv_cdf
    return np.array([score((k / 2 + 5 / 8) / (size + 1 / 4)) for k in range(2 * size - 1)])

"""Draws in order: ranks, their normal scores, quantiles (`columns × all draws`)."""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


def sort(draws: Floats) -> tuple[Floats, Places]:
    """Return each row sorted, and the order that sorts it."""
    order = np.argsort(draws, axis=1)
    return np.take_along_axis(draws, order, axis=1), order


def quantile(ordered: Floats, prob: float) -> Floats:
    """Return a quantile of each sorted row, interpolated linearly (R's type 7)."""
    last = ordered.shape[1] - 1
    place = prob * last
    low = int(place)
    below, above = ordered[:, low], ordered[:, min(low + 1, last)]
    return np.where(below == above, below, below + (above - below) * (place - low))


def median(ordered: Floats) -> Floats:
    """Return the median of each sorted row."""
    size = ordered.shape[1]
    return (ordered[:, (size - 1) // 2] + ordered[:, size // 2]) / 2


def normal_scores(ordered: Floats, order: Places) -> Floats:
    """Replace each draw by the normal quantile of its mean rank, with Blom's offset 3/8.

    Takes sorted rows and the order that sorted them; returns scores in the draws' own order.
    """
    scores = np.empty_like(ordered)
    table = _quantile_table(ordered.shape[1])
    np.put_along_axis(scores, order, table[_doubled_ranks(ordered)], axis=1)
    return scores


def _doubled_ranks(ordered: Floats) -> NDArray[np.int32]:
    """Return first + last place of each value's ties, which is twice its mean rank from 0."""
    size = ordered.shape[1]
    place = np.arange(size, dtype=np.int32)
    tied = ordered[:, 1:] == ordered[:, :-1]
    if not tied.any():
        return np.broadcast_to(2 * place, ordered.shape)
    first = np.broadcast_to(place, ordered.shape).copy()
    first[:, 1:][tied] = 0
    last = np.broadcast_to(place, ordered.shape).copy()
    last[:, :-1][tied] = size
    first = np.maximum.accumulate(first, axis=1)
    return first + np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]


@lru_cache(maxsize=8)
def _quantile_table(size: int) -> Floats:
    """Return the normal score of each doubled rank; the standard library's quantile is exact."""
    score = NormalDist().inv_cdf
    return np.array([score((k / 2 + 5 / 8) / (size + 1 / 4)) for k in range(2 * size - 1)])

"""Quantiles and intervals of weighted draws (`draw × column`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def weighted_quantile(draws: Floats, weights: Floats, prob: float) -> Floats:
    """Return each column's least draw up to which the weights, that sum to one, reach `prob`."""
    order = np.argsort(draws, axis=0, kind="stable")
    shares = np.cumsum(weights[order], axis=0)
    last = len(draws) - 1
    index = np.minimum((shares < prob - _ROUNDING).sum(axis=0), last)
    return np.take_along_axis(np.take_along_axis(draws, order, 0), index[None], 0)[0]


def shortest(draws: Floats, weights: Floats, prob: float) -> tuple[Floats, Floats]:
    """Return each column's narrowest interval between draws that holds `prob` of the weights."""
    ends = [_shortest(column, weights, prob) for column in draws.T]
    lower, upper = (np.array([end[side] for end in ends]) for side in (0, 1))
    return lower, upper


_ROUNDING = 1e-12
"""Of a sum of weights."""


def _shortest(draws: Floats, weights: Floats, prob: float) -> tuple[float, float]:
    order = np.argsort(draws, kind="stable")
    ordered, shares = draws[order], np.cumsum(weights[order])
    before = np.concatenate([[0.0], shares[:-1]])
    last = np.searchsorted(shares, before + prob - _ROUNDING)
    inside = last < len(ordered)
    widths = ordered[last[inside]] - ordered[inside.nonzero()[0]]
    first = int(np.argmin(widths))
    return float(ordered[first]), float(ordered[last[first]])

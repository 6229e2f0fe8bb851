"""Whether an approximation is too narrow, by all of its draws where k̂ looks at the largest weights.

Of a normal q whose variance is a share 1 − b of that of a normal p, the ratio p / q grows as
exp(b u² / 2) with the distance u from the centre in standard deviations of q, so that its tail has
the index k = b: what k̂ estimates from the largest ratios, where chance has its say.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stanchion.stats.ranks import normal_scores, sort

Floats = NDArray[np.float64]
_DRAWS_A_TERM = 8
"""Fewer leave the coefficients of the least squares to chance."""


def narrowness(log_ratios: Floats, draws: Floats) -> float:
    """Return the greatest b of any direction, of log p − log q at `draw × column`.

    The ratios are fitted by a quadratic in the columns' normal scores, which are the same for any
    increasing transformation of a column; where that takes too many terms, in each column by
    itself. NaN where no column varies.
    """
    varying = draws[:, np.ptp(draws, axis=0) > 0]
    size, number = varying.shape
    if number == 0:
        return np.nan
    scores = normal_scores(*sort(np.ascontiguousarray(varying.T))).T
    rows, columns = np.triu_indices(number)
    if (1 + number + len(rows)) * _DRAWS_A_TERM > size:
        return _of_single_columns(log_ratios, scores)
    terms = np.column_stack([np.ones(size), scores, scores[:, rows] * scores[:, columns]])
    coefficients = np.linalg.lstsq(terms, log_ratios, rcond=None)[0][1 + number :]
    form = np.zeros((number, number))
    form[rows, columns] += coefficients
    form[columns, rows] += coefficients
    root = _root(np.atleast_2d(np.cov(scores, rowvar=False)))
    return float(np.linalg.eigvalsh(root @ form @ root)[-1])


def _of_single_columns(log_ratios: Floats, scores: Floats) -> float:
    """Return the greatest b; scores are symmetric, so that their squares need no linear term."""
    squares = np.square(scores)
    squares -= squares.mean(0)
    return float(np.max(2 * (log_ratios @ squares) / np.square(squares).sum(0)))


def _root(matrix: Floats) -> Floats:
    """Return the symmetric square root of a covariance matrix."""
    values, vectors = np.linalg.eigh(matrix)
    root: Floats = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root

"""Scores of class probabilities, for rows whose class is known.

Probabilities are `… × row × class` and averaged over the draws; classes are counted from 0.
"""

from __future__ import annotations

from math import log
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Classes = NDArray[np.intp]
BINS = 10
TEMPERATURES = (0.05, 20.0)
_HALVINGS = 50
_TINY = 1e-300


def accuracy(p: Floats, y: Classes) -> Floats:
    """Return, `… × row`, 1 where the class is the most probable one, and its share of a tie."""
    largest = p == p.max(axis=-1, keepdims=True)
    shares: Floats = _of_class(largest, y) / largest.sum(axis=-1)
    return shares


def log_score(p: Floats, y: Classes) -> Floats:
    """Return, `… × row`, the logarithm of the class's probability (Good 1952)."""
    with np.errstate(divide="ignore"):
        scores: Floats = np.log(_of_class(p, y))
    return scores


def brier_score(p: Floats, y: Classes) -> Floats:
    """Return, `… × row`, the squared distance to certainty of the class (Brier 1950).

    doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2; from 0 to 2.
    """
    scores: Floats = np.square(p).sum(axis=-1) - 2 * _of_class(p, y) + 1
    return scores


def entropy(p: Floats) -> Floats:
    """Return, `… × row`, the entropy of the classes, in nats."""
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    entropies: Floats = -(p * logs).sum(axis=-1)
    return entropies


def calibration_error(p: Floats, y: Classes) -> Floats:
    """Return by how much the largest probability misses how often it is right, on average.

    In ten bins of equal width, weighed by their rows (Guo et al. 2017, arXiv:1706.04599, eq. 3).
    """
    confidence = p.max(axis=-1)
    excess = confidence - accuracy(p, y)
    bins = np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1)
    sums = np.stack([np.where(bins == b, excess, 0).sum(axis=-1) for b in range(BINS)])
    errors: Floats = np.abs(sums).sum(axis=0) / len(y)
    return errors


def tempered(p: Floats, temperature: Floats) -> Floats:
    """Return the probabilities proportional to p^(1/temperature); temperatures are `…`."""
    logs = np.log(np.maximum(p, _TINY)) / temperature[..., None, None]
    powers = np.exp(logs - logs.max(axis=-1, keepdims=True))
    scaled: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return scaled


def best_temperature(p: Floats, y: Classes) -> Floats:
    """Return the temperatures, `…`, with the best log score (Guo et al. 2017, section 4.2).

    The score is concave in 1/temperature, so that its slope is halved upon; what has no best
    temperature from 0.05 to 20 gets the end that it runs to.
    """
    logs = np.log(np.maximum(p, _TINY))
    of_class = _of_class(logs, y).mean(axis=-1)
    low = np.full(p.shape[:-2], -log(TEMPERATURES[1]))
    high = np.full(p.shape[:-2], -log(TEMPERATURES[0]))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        expected = (tempered(p, np.exp(-middle)) * logs).sum(axis=-1).mean(axis=-1)
        rises = of_class > expected
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    temperatures: Floats = np.exp(-(low + high) / 2)
    return temperatures


def mean_interval(rows: Floats, prob: float) -> tuple[float, float]:
    """Return an interval of the mean of such rows, by the normal approximation."""
    if len(rows) < 2:
        return np.nan, np.nan
    half = _quantile(prob) * rows.std(ddof=1) / np.sqrt(len(rows))
    return float(rows.mean() - half), float(rows.mean() + half)


def share_interval(rows: Floats, prob: float) -> tuple[float, float]:
    """Return Wilson's interval of a share, of rows that are 0 or 1.

    Brown, Cai and DasGupta 2001, doi:10.1214/ss/1009213286, section 3.1.1.
    """
    n, z, share = len(rows), _quantile(prob), rows.mean()
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return float(max(centre - half, 0.0)), float(min(centre + half, 1.0))


def _quantile(prob: float) -> float:
    return NormalDist().inv_cdf((1 + prob) / 2)


def _of_class(values: NDArray[np.float64] | NDArray[np.bool_], y: Classes) -> Floats:
    """Return, `… × row`, the value of each row's class."""
    chosen: Floats = values[..., np.arange(len(y)), y].astype(np.float64)
    return chosen

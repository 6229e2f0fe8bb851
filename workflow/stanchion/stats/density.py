"""The bandwidth of a density that is drawn of draws."""

from __future__ import annotations

import numpy as np
from arviz_stats.base import array_stats
from numpy.typing import NDArray

_BINS = 256
_MODES_APART = 3.0
"""How many times the wider bandwidth is the other where modes are far apart."""
_NORMAL_QUARTILES = 1.34
"""Standard deviations between the quartiles of a normal distribution."""
_TAIL = 20
"""One in so many values is at each end of the gaps that tell modes apart: tails have wide ones."""


def bandwidth(values: NDArray[np.float64]) -> float:
    """Return the standard deviation of a Gaussian kernel for values, in their unit.

    It is the mean of Silverman's (1986, Density Estimation, eq. 3.31) and of that of Botev et al.
    2010 (doi:10.1214/10-AOS799), as ArviZ takes it. Where modes are far apart Silverman's hides
    them and their tails, and the other stands alone: they are where it is less than a third of
    Silverman's, and the middle nine tenths of the values have a gap wider than that. An end that
    is cut off, as a scale's at zero, has no such gap. Values that are there twice, of resampling,
    count once: they would be taken for modes. `values` has two or more distinct ones.
    """
    distinct = np.unique(values)
    low, high = float(distinct[0]), float(distinct[-1])
    rule = _silverman(values, len(distinct))
    counts = np.histogram(distinct, _BINS, (low, high))[0]
    with np.errstate(divide="ignore"):  # of the root's search, which goes on elsewhere
        diffusion = float(array_stats.bw_isj(distinct, grid_counts=counts, grid_range=high - low))
    tail = len(distinct) // _TAIL
    gap = float(np.diff(distinct[tail : len(distinct) - tail]).max(initial=0.0))
    is_apart = diffusion < rule / _MODES_APART and gap > rule
    return diffusion if is_apart else (rule + diffusion) / 2


def _silverman(values: NDArray[np.float64], count: int) -> float:
    """Return the rule of thumb for the spread of values of which so many are distinct.

    ArviZ's counts every value, and is zero where the quartiles are one.
    """
    spread = float(np.std(values))
    lower, upper = np.quantile(values, (0.25, 0.75))
    middle = float(upper - lower) / _NORMAL_QUARTILES
    return 0.9 * (min(spread, middle) if middle > 0 else spread) * count**-0.2

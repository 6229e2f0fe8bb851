"""Curves for pictures: densities, ECDFs, and the range in which they can be seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def density(values: Floats, grid: Floats) -> Floats:
    """Return a Gaussian kernel density on an even grid.

    Silverman's bandwidth, 0.9 min(sd, IQR / 1.34) n^(-1/5) (Silverman 1986, equation 3.31); values
    are binned on the grid first, which moves none by more than half a step.
    """
    step = grid[1] - grid[0]
    finite = values[np.isfinite(values)]
    edges = np.append(grid - step / 2, grid[-1] + step / 2)
    counts = np.histogram(finite, edges)[0] / max(len(values), 1) / step
    if len(finite) < 2:
        return counts
    quartiles = np.quantile(finite, (0.25, 0.75))
    with np.errstate(over="ignore"):
        sd = finite.std(ddof=1)
    spread = min(sd, (quartiles[1] - quartiles[0]) / 1.34) or sd
    width = max(0.9 * spread * len(finite) ** -0.2, step / 2)
    reach = np.arange(-len(grid) + 1, len(grid)) * step
    kernel = np.exp(-((reach / width) ** 2) / 2)
    smoothed = np.convolve(counts, kernel / kernel.sum())
    return smoothed[len(grid) - 1 : 2 * len(grid) - 1]


def ecdf(values: Floats, grid: Floats) -> Floats:
    """Return the share of values at or below each point of a grid."""
    return np.searchsorted(np.sort(values), grid, side="right") / max(len(values), 1)


def inner_range(values: Floats, always: Floats | None, tail: float) -> tuple[float, float]:
    """Return a range of all finite values but for a share at each end, and of all of `always`."""
    finite = values[np.isfinite(values)]
    ends = list(np.quantile(finite, (tail, 1 - tail))) if finite.size else []
    if always is not None and np.isfinite(always).any():
        ends += [np.nanmin(always), np.nanmax(always)]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    margin = 0.05 * (high - low) or max(abs(low), 1.0) * 0.05
    return float(low - margin), float(high + margin)

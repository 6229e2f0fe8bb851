"""Linear maps of draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mapped(
    draws: Floats, axis: int, size: int, columns: Sequence[Sequence[Sequence[float]]]
) -> Floats:
    """Return draws whose `axis`, one element a column, is mapped to one of this `size`.

    `columns` has for each element the index and weight of what it counts in.
    """
    along = np.moveaxis(draws, axis, 0)
    result = np.zeros((size, *along.shape[1:]))
    for values, weights in zip(along, columns, strict=True):
        for index, weight in weights:
            result[int(index)] += weight * values
    return np.moveaxis(result, 0, axis)

"""Statistics that are declared as expressions, of the observed and of the replicated data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.expressions.arrays import Arrays
from stanchion.expressions.check import Axis, Kind, Type, Typed
from stanchion.expressions.evaluate import UndefinedError, evaluate
from stanchion.expressions.faults import ExpressionError
from stanchion.expressions.statistics import check_statistic
from stanchion.stats.predictive import Statistic, compared

Floats = NDArray[np.float64]

_AT_ONCE = 1_000_000
"""Replicated values that are computed at once; the results do not depend on it."""


@dataclass(frozen=True)
class Data:
    """The data of a program by name: the axes of each, and its values."""

    axes: Mapping[str, tuple[Axis, ...]]
    values: Mapping[str, NDArray[Any]]

    def kinds(self, observed: str, replicated: NDArray[Any]) -> dict[str, Kind]:
        """Return what each is; the observed are whole numbers where the replicated are, too."""
        types: dict[str, Type] = {n: type_of(values.dtype) for n, values in self.values.items()}
        types[observed] = (
            "int" if {types[observed], type_of(replicated.dtype)} == {"int"} else "real"
        )
        return {name: Kind(types[name], self.axes[name]) for name in self.values}


def type_of(dtype: np.dtype[Any]) -> Type:
    """Return whether data are whole numbers or real ones."""
    return "int" if np.issubdtype(dtype, np.integer) else "real"


def expressed(source: str, observed: str, data: Data, replicated: NDArray[Any]) -> Statistic:
    """Compare a statistic of the data with that of each replication, `draw × shape of the data`.

    Raises:
        ExpressionError: names or shapes are not those of the data.
    """
    kinds = data.kinds(observed, replicated)
    typed = check_statistic(source, observed, kinds)
    arrays = Arrays(kinds, data.values)
    rows = max(1, _AT_ONCE // max(1, prod(replicated.shape[1:])))
    values = [
        _values(typed, observed, arrays, replicated[start : start + rows])
        for start in range(0, len(replicated), rows)
    ]
    try:
        value = float(evaluate(typed, arrays))
    except (UndefinedError, ExpressionError):
        value = nan
    return compared(source, value, np.concatenate(values))


def _values(typed: Typed, observed: str, data: Arrays, replicated: NDArray[Any]) -> Floats:
    """Return the statistic of each replication, NaN where it has none.

    Where some have none, each is computed by itself.
    """
    arrays = Arrays(data.kinds, {**data.arrays, observed: replicated})
    try:
        return np.broadcast_to(evaluate(typed, arrays), len(replicated)).astype(np.float64)
    except (UndefinedError, ExpressionError):
        if len(replicated) == 1:
            return np.array([nan])
    alone = [_values(typed, observed, data, replication[None]) for replication in replicated]
    return np.concatenate(alone)

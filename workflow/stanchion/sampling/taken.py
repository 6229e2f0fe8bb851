"""Whether drawn parameters are those that another program declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.datasets.limits import bound_of
from stanchion.draws.columns import Column
from stanchion.draws.quantities import columns_of
from stanchion.stan.program import Variable


def unlike(
    parameters: Sequence[Variable],
    data: Mapping[str, Any],
    columns: Sequence[str],
    draws: NDArray[np.float64],
) -> str | None:
    """Return how drawn parameters (`chain × draw × column`) are not those that a program declares.

    A size counts where it is a number or an integer of the data, a bound where it is a number that
    follows from the data; the rest is left to Stan. None where all is well so far.
    """
    for parameter in parameters:
        chosen = columns_of(columns, {parameter.name})
        if parameter.type == "tuple":
            continue
        shape = _shape([Column.parse(columns[index]) for index in chosen])
        sizes = [int(s) if s.isdecimal() else data.get(s) for s in parameter.sizes]
        for axis, size in enumerate(sizes):
            drawn = shape[axis] if axis < len(shape) else 0
            if type(size) is int and size != drawn and 0 not in sizes:
                return (
                    f"`{parameter.name}` has {drawn} elements along its dimension {axis + 1}, and "
                    f"the program declares {parameter.sizes[axis]}"
                    + ("" if parameter.sizes[axis].isdecimal() else f" = {size}")
                )
        outside = _outside(parameter, data, draws[:, :, chosen])
        if outside is not None:
            (chain, draw, index), words = outside
            column = Column.parse(columns[chosen[index]]).name
            return (
                f"in draw {draw + 1} of chain {chain + 1} `{column}` is "
                f"{float(draws[chain, draw, chosen[index]])!r}, and the program allows {words}"
            )
    return None


def _shape(columns: Sequence[Column]) -> tuple[int, ...]:
    indices = np.array([column.indices for column in columns], dtype=np.intp).T
    return tuple(int(along.max()) + 1 for along in indices) if len(columns) else ()


def _outside(
    parameter: Variable, data: Mapping[str, Any], draws: NDArray[np.float64]
) -> tuple[tuple[int, int, int], str] | None:
    """Return the first draw that is NaN or beyond a bound, and what is allowed."""
    limits = [("at least", parameter.lower, np.less), ("at most", parameter.upper, np.greater)]
    for words, text, beyond in limits:
        limit = bound_of(text, data) if text else None
        if isinstance(limit, int | float):
            outside = np.argwhere(beyond(draws, limit) | np.isnan(draws))
            if len(outside):
                chain, draw, index = outside[0].tolist()
                return (chain, draw, index), f"{words} {text}"
    return None

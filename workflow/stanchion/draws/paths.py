"""The paths of an approximation by several: which draw is from which, and whether they agree."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from stanchion.draws.columns import Column
from stanchion.draws.stan_csv import Chains
from stanchion.errors import ChainError
from stanchion.stats.importance import part_differences
from stanchion.stats.thresholds import GREATEST_PATH_DIFFERENCE


@dataclass(frozen=True)
class Paths:
    """The path that each draw is from, and of how many paths there were to be draws.

    `difference` is the greatest of a path's means from that of all, in sds beyond Monte Carlo
    error, `where` the quantity and the path; NaN where there are no weights.
    """

    numbers: NDArray[np.int64]
    declared: int
    difference: float
    where: str

    @property
    def agree(self) -> bool:
        """Whether all paths that count see the same distribution."""
        return self.difference <= GREATEST_PATH_DIFFERENCE


def read_paths(raw: Chains, column: str, weights: NDArray[np.float64], declared: int) -> Paths:
    """Return the paths of draws of which each has its weight; `column` holds their numbers."""
    numbers = raw.column(column).astype(np.int64)
    quantities = [index for index, name in enumerate(raw.columns) if not name.endswith("__")]
    present, parts = np.unique(numbers, return_inverse=True)
    differences = part_differences(raw.values[0][:, quantities], weights, parts)
    if not np.isfinite(weights).all():
        return Paths(numbers, declared, nan, "")
    if not differences.any():
        return Paths(numbers, declared, 0.0, "")
    path, quantity = np.unravel_index(np.argmax(differences), differences.shape)
    name = Column.parse(raw.columns[quantities[quantity]]).name
    return Paths(
        numbers, declared, float(differences[path, quantity]), f"{name} of path {present[path]}"
    )


def check_paths(raw: Chains, column: str, density: str, *, draws: int) -> None:
    """Check that each path that left draws has so many, none of them twice.

    `column` holds the path's number, `density` log_q.

    Raises:
        ChainError: a path has another number of draws; or two have one density, as where CmdStan
            wrote some again after a later one had failed.
    """
    numbers, log_q = raw.column(column), raw.column(density)
    for number, count in zip(*np.unique(numbers, return_counts=True), strict=True):
        distinct = len(np.unique(log_q[numbers == number]))
        if count != draws or distinct != draws:
            raise ChainError(
                f"path {number:.0f} gave {distinct} distinct draws of {draws}: one of them failed, "
                "often in its generated quantities",
                todo="the chain's log says what failed: mend it in the program",
            )

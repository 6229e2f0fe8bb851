"""What a sampler says of each transition, in the first columns of its Stan CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NAMES = {
    "lp__": "lp",
    "accept_stat__": "acceptance_rate",
    "stepsize__": "step_size",
    "treedepth__": "tree_depth",
    "n_leapfrog__": "n_steps",
    "divergent__": "diverging",
    "energy__": "energy",
}
"""ArviZ's names of the columns of CmdStan's samplers."""
PATH = "path"
"""The number of the path that a draw is from, of several."""
_DTYPES: dict[str, type] = {
    "tree_depth": np.int64,
    "n_steps": np.int64,
    "diverging": np.bool_,
    "reached_max_treedepth": np.bool_,
    PATH: np.int64,
}

Stats = Mapping[str, NDArray[Any]]
"""An array by ArviZ's name, all of one shape."""


def sampler_stats(
    columns: Sequence[str], values: NDArray[np.float64], max_treedepth: int | None
) -> dict[str, NDArray[Any]]:
    """Return what the sampler says of each draw (`… × column`), under ArviZ's names.

    Static HMC names no divergences, and rejects them: one is a proposal whose energy error e is so
    large that exp(−e) is 0, above 745 where NUTS's limit is 1000 (Stan's base_nuts.hpp).
    """
    stats: dict[str, NDArray[Any]] = {}
    for position, column in enumerate(columns):
        if column.endswith("__"):
            name = NAMES.get(column, column.removesuffix("__"))
            stats[name] = values[..., position].astype(_DTYPES.get(name, np.float64))
    if "lp" not in stats and "log_p" in stats:  # of a Laplace approximation
        stats["lp"] = stats["log_p"]
    if "tree_depth" in stats and max_treedepth is not None:
        stats["reached_max_treedepth"] = stats["tree_depth"] >= max_treedepth
    if "int_time" in stats:
        stats["diverging"] = stats["acceptance_rate"] == 0
    return stats


def read_sampler(path: Path, max_treedepth: int | None = None) -> dict[str, NDArray[Any]]:
    """Return what the sampler says of each row of a Stan CSV, saved warm-up included.

    Only its own columns are parsed, which come before the program's.
    """
    with path.open(encoding="utf-8") as file:
        lines = (line for line in file if not line.startswith("#"))
        header = next(lines).strip().split(",")
        names = [*takewhile(lambda name: name.endswith("__"), header)]
        rows = [line.split(",", len(names))[: len(names)] for line in lines]
    values = np.array(rows, np.float64).reshape(-1, len(names))
    return sampler_stats(names, values, max_treedepth)

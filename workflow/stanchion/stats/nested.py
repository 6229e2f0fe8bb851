"""Nested R-hat: whether groups of chains that began at the same point agree with each other.

Margossian, Hoffman, Sountsov, Riou-Durand, Vehtari and Gelman (2024), "Nested R-hat: assessing the
convergence of Markov chain Monte Carlo when running many short chains", Bayesian Analysis,
doi:10.1214/24-BA1453. ArviZ computes it, of rank-normalised split chains as R-hat is; here stands
what it would judge and cannot.
"""

from __future__ import annotations

import numpy as np
from arviz_stats.base import array_stats
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_FEWEST_DRAWS = 4
"""Of a chain, as for R-hat: each half has a variance."""
_FEWEST_GROUPS = 2


def nested_rhat(draws: Floats, superchains: int) -> Floats:
    """Return the nested R-hat of each column of `chain × draw × column`; NaN where there is none.

    Chains of one superchain stand side by side, as many in each. A column that rests, in all of the
    draws or within one chain, or that is not finite throughout, has none.
    """
    chains, length, columns = draws.shape
    values = np.full(columns, np.nan)
    if superchains < _FEWEST_GROUPS or chains % superchains or length < _FEWEST_DRAWS:
        return values
    groups = np.repeat(np.arange(superchains), chains // superchains)
    moves = (draws != draws[:, :1]).any(1).all(0)
    judged = np.isfinite(draws).all((0, 1)) & moves
    with np.errstate(divide="ignore", invalid="ignore"):
        for column in np.flatnonzero(judged):
            values[column] = array_stats.rhat_nested(
                np.ascontiguousarray(draws[:, :, column]), superchain_ids=groups
            )
    return values

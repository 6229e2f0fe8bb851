"""What `prior_only` does to a program's log density."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nan

import numpy as np

from stanchion.checks.row import Value
from stanchion.checks.verdicts import WARN

_FEWEST_POINTS = 2
_ROUNDING = 1e-12
"""Relative to the log density, whose sum is then the same but for the order of its terms."""


@dataclass(frozen=True)
class Switch:
    """Log densities of the same draws, with `prior_only` on and off.

    None where the program gave none; `observations` tells whether there is anything that a
    likelihood could be of.
    """

    prior: Sequence[float] | None
    posterior: Sequence[float] | None
    observations: bool

    def effect(self) -> Value:
        """Return how much the difference of the two varies over the draws.

        Where the switch does nothing they differ by a constant, and the draws are the posterior's:
        a failure, unless there are no observations. That a likelihood refuses a draw of the prior
        is an effect without bound.
        """
        if self.prior is None:
            return Value(nan, failed=WARN)
        if self.posterior is None:
            return Value(inf, ("the likelihood refuses a draw of the prior",))
        densities = np.array([self.prior, self.posterior])
        densities = densities[:, np.isfinite(densities[0])]
        if densities.shape[1] < _FEWEST_POINTS:
            return Value(nan, failed=WARN)
        if not np.isfinite(densities[1]).all():
            return Value(inf, ("the likelihood of a prior draw is zero",))
        difference = densities[1] - densities[0]
        spread = float(difference.max() - difference.min())
        works = spread > _ROUNDING * max(1.0, float(np.abs(densities).max()))
        where = () if works or self.observations else ("there are no observations",)
        return Value(spread, where, broken=not works and self.observations)

"""What every family's posterior answers, and the numbers that all of them are made with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.stats.conjugate.marginal import Floats, Marginal

Data = Mapping[str, Any]
"""Data of a family by its own names: arrays a row long, or one number for all rows."""
Draws = Mapping[str, Floats]
"""Draws of parameters by name, `draw × shape`."""
LEAST = float(np.finfo(np.float64).tiny)
MOST_COUNT = 2**62
"""NumPy draws no greater counts."""


class Posterior:
    """An exact posterior; `prior` holds the numbers of its prior by name.

    It is made of sums alone, each the exact one of all rows rounded once (`math.fsum`, Shewchuk
    1997, or Python's integers), so that neither the order of the rows nor the batches that they
    came in move a bit of it.
    """

    @classmethod
    def of(cls, data: Data, prior: Mapping[str, Any]) -> Posterior:
        """Return the posterior of all rows."""
        raise NotImplementedError

    @property
    def log_evidence(self) -> float:
        """The log density of all outcomes with the parameters integrated out."""
        raise NotImplementedError

    def marginals(self) -> dict[str, Marginal]:
        """Return the distribution of each scalar, under Stan's names, in declared order."""
        raise NotImplementedError

    def draw(self, size: int, generator: np.random.Generator) -> dict[str, Floats]:
        """Return independent draws of the parameters."""
        raise NotImplementedError

    def log_prior(self, draws: Draws) -> Floats:
        """Return the log density of the prior at each draw."""
        raise NotImplementedError

    def log_density(self, draws: Draws) -> Floats:
        """Return the log density of the posterior at each draw."""
        raise NotImplementedError


@dataclass(frozen=True)
class Likelihood:
    """The outcomes given parameters: `rows` by the family's names, of the data or of new rows."""

    rows: Data

    def log_density(self, draws: Draws) -> Floats:
        """Return the log density of each row's outcome, `draw × row`."""
        raise NotImplementedError

    def outcomes(self, draws: Draws, generator: np.random.Generator) -> NDArray[Any]:
        """Return an outcome of each row for each draw, `draw × row` and a part each."""
        raise NotImplementedError


def total_count(counts: Any) -> int:
    """Return the sum of whole numbers, however large."""
    return sum(int(count) for count in np.asarray(counts).ravel().tolist())


def total(values: Iterable[float]) -> float:
    """Return the exact sum, rounded once."""
    return fsum(np.asarray(values, np.float64).ravel().tolist())

"""How far an approximation's means are from those of a sampled fit of the same posterior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Reference:
    """A sampled fit of the same model and dataset: its name, and mean and sd of its columns."""

    name: str
    mean: Floats
    sd: Floats

    @classmethod
    def of(cls, name: str, draws: Floats) -> Reference:
        """Take them from `chain × draw × columns`."""
        flat = draws.reshape(-1, draws.shape[2])
        with np.errstate(invalid="ignore", over="ignore"):
            varies = flat.min(0) < flat.max(0)
            return cls(name, flat.mean(0), np.where(varies, flat.std(0, ddof=1), 0.0))


@dataclass(frozen=True)
class Agreement:
    """The distance of each mean from the reference's, in its sds; or `because` there is none."""

    names: Sequence[str] = ()
    distances: Floats = field(default_factory=lambda: np.empty(0))
    reference: str = ""
    because: str = ""


def agreement(names: Sequence[str], draws: Floats, reference: Reference) -> Agreement:
    """Compare the means of `chain × draw × columns` with a sampled fit's, in that fit's sds.

    Both have the same columns. One that the sampled fit holds constant differs by nothing or
    without limit; one that is finite in one of the two only, without limit.
    """
    if not names:
        return Agreement(because="not computed, because the model has no parameters")
    return Agreement(names, _distances(draws, reference), reference.name)


def _distances(draws: Floats, reference: Reference) -> Floats:
    mean, sd = reference.mean, reference.sd
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        means = draws.mean((0, 1))
        same = np.isclose(means, mean, rtol=_ROUNDING, atol=0, equal_nan=True)
        comparable = np.isfinite(means) & np.isfinite(mean) & (sd > 0)
        return np.where(comparable, np.abs(means - mean) / sd, np.where(same, 0.0, inf))

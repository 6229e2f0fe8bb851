"""Whether an approximation puts the means where a sampled fit of the same posterior has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from stanchion.checks.gate import SHOWN, SKIPPED, Check

Floats = NDArray[np.float64]
GREATEST_DIFFERENCE = 0.5
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


def nuts_difference(names: Sequence[str], draws: Floats, reference: Reference) -> Check:
    """Compare the means of `chain × draw × columns` with a sampled fit's, in that fit's sds.

    Both have the same columns. One that the sampled fit holds constant differs by nothing or
    without limit; one that is finite in one of the two only, without limit.
    """
    if not names:
        return no_nuts_difference("not computed, because the model has no parameters")
    distance = _distances(draws, reference)
    worst_first = np.argsort(-distance, kind="stable")
    far = worst_first[distance[worst_first] > GREATEST_DIFFERENCE]
    worst = float(distance[worst_first[0]])
    return Check(
        check="nuts_difference",
        value=worst if isfinite(worst) else None,
        threshold=GREATEST_DIFFERENCE,
        verdict="warn" if len(far) else "pass",
        where=tuple(names[place] for place in (far[:SHOWN] if len(far) else worst_first[:1])),
        note=f"in standard deviations of {reference.name}",
    )


def no_nuts_difference(because: str) -> Check:
    """Return the check that could not be made, for which this fit is not to blame."""
    return Check("nuts_difference", None, GREATEST_DIFFERENCE, SKIPPED, note=because)


def _distances(draws: Floats, reference: Reference) -> Floats:
    mean, sd = reference.mean, reference.sd
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        own = draws.mean((0, 1))
        same = np.isclose(own, mean, rtol=_ROUNDING, atol=0, equal_nan=True)
        known = np.isfinite(own) & np.isfinite(mean) & (sd > 0)
        return np.where(known, np.abs(own - mean) / sd, np.where(same, 0.0, inf))

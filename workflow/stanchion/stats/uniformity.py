"""Whether values between 0 and 1 are uniform, though they may depend on one another.

Tesso and Vehtari (2026), "LOO-PIT predictive model checking", arXiv:2603.02928: each ordered value
is held to its beta distribution, and the p-values are combined by a truncated Cauchy sum, which is
valid whatever their dependence. An ECDF's simultaneous band is not: it takes them as independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from arviz_stats.base import array_stats
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVEL = 0.05


@dataclass(frozen=True)
class Uniformity:
    """Values in ascending order, the p-value of their uniformity, and what each adds against it."""

    values: Floats
    p: float
    contributions: Floats

    @property
    def uniform(self) -> bool:
        """Whether nothing speaks against uniformity at the 5 % level; a NaN p-value does."""
        return self.p >= LEVEL

    @property
    def suspicious(self) -> NDArray[np.bool_]:
        """The values that the departure from uniformity is due to; none where there is none."""
        return (self.contributions > 0) & (not self.uniform)


def uniformity(values: Floats) -> Uniformity:
    """Test values for uniformity by the pointwise order test (POT-C) of arviz_stats."""
    ordered = np.sort(values)
    p, contributions, _ = array_stats.uniformity_test(ordered, axis=-1, method="pot_c")
    return Uniformity(ordered, float(p), np.asarray(contributions, dtype=np.float64))

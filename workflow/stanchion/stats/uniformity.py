"""Whether values between 0 and 1 are uniform: an ECDF with a simultaneous band.

Säilynoja, Bürkner and Vehtari (2022), "Graphical test for discrete uniformity and its applications
in goodness-of-fit evaluation and multiple sample comparison", doi:10.1007/s11222-022-10090-6: the
band's pointwise level is set, by simulation, so that a uniform sample leaves it nowhere with the
probability that is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_SIMULATIONS = 2000
_SEED = 20220318
_MOST_PLACES = 100


@dataclass(frozen=True)
class Uniformity:
    """An ECDF at some places, its band, and two summaries: distance and simultaneous p-value."""

    places: Floats
    ecdf: Floats
    lower: Floats
    upper: Floats
    ks: float
    p: float

    @property
    def inside(self) -> bool:
        """Whether the ECDF stays within the band."""
        return bool(((self.ecdf >= self.lower) & (self.ecdf <= self.upper)).all())


@dataclass(frozen=True)
class _Band:
    places: Floats
    at_most: Floats
    simulated: Floats
    lower: Floats
    upper: Floats


def uniformity(values: Floats, coverage: float = 0.95) -> Uniformity:
    """Compare values with the uniform distribution.

    `ks` is the Kolmogorov-Smirnov distance; `p` the share of simulated uniform samples whose ECDF
    strays as far in the tails of its binomials.
    """
    band = _band(len(values), coverage)
    counts = np.searchsorted(np.sort(values), band.places, side="right")
    own = _straying(band.at_most, counts[None, :-1])[0]
    return Uniformity(
        places=band.places,
        ecdf=counts / len(values),
        lower=band.lower,
        upper=band.upper,
        ks=_distance(values),
        p=float(np.mean(band.simulated <= own)),
    )


@lru_cache(maxsize=4)
def _band(size: int, coverage: float) -> _Band:
    """Return the band of this many values, and how far uniform samples stray."""
    bins = min(size, _MOST_PLACES)
    places = np.arange(1, bins + 1) / bins
    at_most = _binomial_distributions(size, places[:-1])
    samples = np.random.default_rng(_SEED).multinomial(
        size, np.full(bins, 1 / bins), size=_SIMULATIONS
    )
    simulated = _straying(at_most, samples.cumsum(axis=1)[:, :-1])
    level = np.quantile(simulated, 1 - coverage)
    low = [np.searchsorted(row, level / 2, side="left") / size for row in at_most]
    high = [np.searchsorted(row, 1 - level / 2, side="left") / size for row in at_most]
    return _Band(places, at_most, simulated, np.array([*low, 1.0]), np.array([*high, 1.0]))


def _straying(at_most: Floats, counts: NDArray[np.int64]) -> Floats:
    """Return each sample's least two-sided binomial tail over the places; small strays far."""
    if not counts.shape[1]:
        return np.ones(len(counts))
    rows = np.arange(counts.shape[1])
    low = at_most[rows, counts]
    high = 1 - np.where(counts > 0, at_most[rows, counts - 1], 0.0)
    return np.minimum(1.0, 2 * np.minimum(low, high)).min(axis=1)


def _binomial_distributions(size: int, places: Floats) -> Floats:
    """Return P(X ≤ k) of Binomial(size, place) for every k (`places × size + 1`)."""
    k = np.arange(size + 1)
    log_factorial = np.append(0.0, np.cumsum(np.log(np.arange(1, size + 1))))
    choose = log_factorial[-1] - log_factorial - log_factorial[::-1]
    chance = places[:, None]
    return np.exp(choose + k * np.log(chance) + (size - k) * np.log1p(-chance)).cumsum(axis=1)


def _distance(values: Floats) -> float:
    ordered = np.sort(values)
    steps = np.arange(1, len(ordered) + 1) / len(ordered)
    return float(max((steps - ordered).max(), (ordered - steps + 1 / len(ordered)).max()))

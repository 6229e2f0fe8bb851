"""LOO-PIT: where each observation lies within what the others predict of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import batched

import numpy as np
from arviz_stats.base import array_stats
from numpy.typing import NDArray

from stanchion.stats.psis import Smoothed, is_bad
from stanchion.stats.uniformity import Uniformity, uniformity

Floats = NDArray[np.float64]
_BLOCK = 256


@dataclass(frozen=True)
class Pit:
    """The test of the values' uniformity, and each observation's k̂ with the bad ones flagged."""

    test: Uniformity
    khat: Floats
    bad: NDArray[np.bool_]


def pit_of(
    observed: Floats,
    replicated: Floats,
    weights: Iterable[Smoothed],
    *,
    discrete: bool,
    seed: int,
) -> Pit:
    """Return LOO-PIT of observations (see `loo_pit`), tested for uniformity."""
    estimates: list[float] = []
    recorded = _recording(weights, estimates)
    values = loo_pit(observed, replicated, recorded, discrete=discrete, seed=seed)
    khat = np.array(estimates)
    return Pit(uniformity(values), khat, is_bad(khat, len(replicated)))


def loo_pit(
    observed: Floats,
    replicated: Floats,
    weights: Iterable[Smoothed],
    *,
    discrete: bool,
    seed: int,
) -> Floats:
    """Return each observation's leave-one-out probability integral transform, above 0, below 1.

    `observed` holds observations, `replicated` is `draws × observations`, and the importance
    weights of all draws come by observation (Vehtari et al. 2017, doi:10.1007/s11222-016-9696-4).
    The tails of continuous replications are Pareto-smoothed. Where replications equal the
    observation, its value is drawn between both sides of the jump (Czado, Gneiting and Held 2009,
    doi:10.1111/j.1541-0420.2009.01191.x).
    """
    draws = len(replicated)
    ties = discrete or bool((replicated == observed).any())
    rng = np.random.default_rng(seed)
    values = np.empty(len(observed))
    for block in batched(enumerate(weights), _BLOCK):
        indices = np.array([index for index, _ in block])
        with np.errstate(invalid="ignore", divide="ignore"):
            values[indices] = array_stats.loo_pit(
                replicated[:, indices].T,
                observed[indices],
                np.stack([smoothed.log_weights for _, smoothed in block]),
                chain_axis=None,
                draw_axis=-1,
                random_state=rng,
                pareto_pit=not ties,
            )
    return _among(values, draws, rng) if ties else values


def _among(values: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Count each observation as one more draw, tied with itself.

    An observation beyond all draws has the value 0 or 1, which a test takes for impossible,
    though one in as many observations as there are draws lies there by chance.
    """
    return (values * draws + rng.uniform(size=len(values))) / (draws + 1)


def _recording(weights: Iterable[Smoothed], khat: list[float]) -> Iterator[Smoothed]:
    """Pass weights on, one observation at a time, and record their k̂."""
    for smoothed in weights:
        khat.append(smoothed.khat)
        yield smoothed

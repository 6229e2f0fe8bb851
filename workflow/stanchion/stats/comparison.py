"""Models of the same observations, compared by their leave-one-out predictive densities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stanchion.stats.psis import Loo, standard_error

Floats = NDArray[np.float64]
_NEAR_ENOUGH = 1e-9
_STEPS = 100_000


@dataclass(frozen=True)
class Compared:
    """One model's place: its elpd, the difference to the best with its error, and its weight."""

    elpd: float
    se: float
    p: float
    diff: float
    diff_se: float
    weight: float
    khat_max: float
    khat_bad: int


def compare(models: Sequence[Loo], threshold: float) -> list[Compared]:
    """Compare models of the same observations; `diff` is elpd less the best model's, so ≤ 0.

    `khat_bad` counts observations whose k̂ exceeds the threshold.
    """
    best = max(models, key=lambda model: model.elpd.sum())
    weights = stacking_weights(np.stack([model.elpd for model in models], axis=1))
    return [
        Compared(
            elpd=float(model.elpd.sum()),
            se=model.se,
            p=float(model.p.sum()),
            diff=float((model.elpd - best.elpd).sum()),
            diff_se=0.0 if model is best else standard_error(model.elpd - best.elpd),
            weight=float(weight),
            khat_max=float(np.max(model.khat, initial=-np.inf, where=~np.isnan(model.khat))),
            khat_bad=int(np.sum(model.khat > threshold)),
        )
        for model, weight in zip(models, weights, strict=True)
    ]


def stacking_weights(elpd: Floats) -> Floats:
    """Return the weights of models whose mixture predicts best; takes `observations × models`.

    Maximises the mean log of the weighted leave-one-out densities over the simplex (Yao, Vehtari,
    Simpson and Gelman 2018, doi:10.1214/17-BA1091). The objective is that of a mixture's
    proportions, so EM climbs to its one maximum, and the largest gradient bounds what is left
    (Lindsay 1983). Equal models share their weight equally.
    """
    densities = np.exp(elpd - elpd.max(axis=1, keepdims=True))
    weights = np.full(elpd.shape[1], 1 / elpd.shape[1])
    for _ in range(_STEPS):
        gradient = (densities / (densities * weights).sum(axis=1, keepdims=True)).mean(axis=0)
        if gradient.max() - 1 < _NEAR_ENOUGH:
            break
        weights = weights * gradient
        weights /= weights.sum()
    return weights

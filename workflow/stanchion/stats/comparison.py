"""Models of the same observations, compared by their leave-one-out predictive densities."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, Literal

import numpy as np
from arviz_stats import compare as arviz_compare
from arviz_stats.utils import ELPDDataLOO
from numpy.typing import NDArray
from xarray import DataArray

from stanchion.stats.psis import Loo, worst_khat
from stanchion.stats.thresholds import FEW_OBSERVATIONS, SMALL_DIFFERENCE

Floats = NDArray[np.float64]
Conclusion = Literal["better", "small", "chance", "few", "unsound"]


@dataclass(frozen=True)
class Compared:
    """One fit's row: its elpd, the difference to the best with its error, and its weight.

    `weight` is NaN for a fit that shares in none. `khat_bad` counts observations whose k̂ is above
    its limit or could not be estimated; `khat_max` is NaN where one could not.
    """

    elpd: float
    se: float
    p: float
    diff: float
    diff_se: float
    weight: float
    khat_max: float
    khat_bad: int


def compare(fits: Sequence[Loo], weighed: Sequence[int]) -> list[Compared]:
    """Compare fits of the same observations, in their order.

    `weighed` are the indices of one fit for each model: the differences are to the best of these,
    and where they are two or more, they share the stacking weights (Yao, Vehtari, Simpson and
    Gelman 2018, doi:10.1214/17-BA1091), which would be split between two fits of one model.
    """
    best = max(weighed, key=lambda index: fits[index].elpd.sum())
    table: Any = {"elpd_diff": {best: 0.0}, "dse": {best: 0.0}}
    if len(fits) > 1:
        table = _by_arviz(fits, range(len(fits)), best)
    weights: Any = {}
    if len(weighed) > 1:
        weights = _by_arviz(fits, weighed, best)["weight"].clip(0, 1)
    return [
        Compared(
            elpd=float(fit.elpd.sum()),
            se=fit.se,
            p=float(fit.p.sum()),
            diff=float(table["elpd_diff"][index]),
            diff_se=_error(fit, float(table["dse"][index]), is_best=index == best),
            weight=float(weights.get(index, nan)),
            khat_max=worst_khat(fit.khat),
            khat_bad=int(fit.bad.sum()),
        )
        for index, fit in enumerate(fits)
    ]


def conclusion(row: Compared, observations: int, *, sound: bool) -> Conclusion:
    """Return what the difference of a model to the best says.

    It is `better` only where the difference is above 4 and twice its standard error, four times
    below 100 observations (see FEW_OBSERVATIONS), and where the comparison is `sound`: without bad
    k̂. Else it is `unsound`, `small`, maybe `chance`, or of too `few` observations.
    """
    size = abs(row.diff)
    if not sound:
        return "unsound"
    if not size > SMALL_DIFFERENCE:
        return "small"
    if not size > 2 * row.diff_se:
        return "chance"
    return "few" if observations < FEW_OBSERVATIONS and not size > 4 * row.diff_se else "better"


def _by_arviz(fits: Sequence[Loo], indices: Sequence[int], best: int) -> Any:
    """Return ArviZ's table of some fits, unrounded, by index.

    Its stacking takes the exponential of each elpd, which is 0 below -745: what all fits have in
    common of an observation is taken off first, and changes neither weights nor differences.
    """
    common = np.max([fits[index].elpd for index in indices], axis=0)
    pointwise = {
        index: ELPDDataLOO(
            elpd=float((fits[index].elpd - common).sum()),
            se=fits[index].se,
            p=float(fits[index].p.sum()),
            n_samples=fits[index].draws,
            n_data_points=len(common),
            scale="log",
            warning=bool(fits[index].bad.any()),
            good_k=None,
            elpd_i=DataArray(fits[index].elpd - common, dims="observation"),
        )
        for index in indices
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return arviz_compare(pointwise, method="stacking", reference=best, round_to="none")


def _error(fit: Loo, error: float, *, is_best: bool) -> float:
    """Return the error of a difference; one observation gives none, where ArviZ says 0."""
    if is_best:
        return 0.0
    return error if len(fit.elpd) > 1 else nan

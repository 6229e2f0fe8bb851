"""Draws of an approximation: as they came, or importance-resampled where k̂ licenses it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stanchion.draws.naming import Naming
from stanchion.draws.paths import Paths, read_paths
from stanchion.draws.sampler import PATH
from stanchion.draws.stan_csv import Chains
from stanchion.draws.tree import PATH_DIFFERENCE, PATHS, proposal_group
from stanchion.stats.importance import Importance, importance, resample, weighted_errors
from stanchion.stats.summary import Numbers

RESAMPLED, UNWEIGHTED = "resampled", "unweighted"
WEIGHTING = ("weighting", "weighting_because")
"""Attributes that say which of the two the draws of an approximation are, and why."""


@dataclass(frozen=True)
class Weighted:
    """What an approximation drew, and what of it stands for the posterior.

    `indices` are those of the resampled draws, None where the draws stay as they are, and
    `because` says why.
    """

    raw: Chains
    log_p: NDArray[np.float64]
    log_q: NDArray[np.float64]
    estimate: Importance
    indices: NDArray[np.intp] | None
    because: str
    paths: Paths | None = None

    @property
    def draws(self) -> Chains:
        """The draws that stand for the posterior."""
        if self.indices is None:
            return self.raw
        return replace(self.raw, values=self.raw.values[:, self.indices])

    @property
    def attributes(self) -> dict[str, str]:
        """What a group of these draws says of itself."""
        weighting = UNWEIGHTED if self.indices is None else RESAMPLED
        return dict(zip(WEIGHTING, (weighting, self.because), strict=True))

    def proposal(self, naming: Naming) -> xr.Dataset:
        """Return the draws as they came, with their log densities and normalised log weights."""
        numbers: dict[str, NDArray[Any]] = {
            "log_p": self.log_p,
            "log_q": self.log_q,
            "log_weight": self.estimate.log_weights,
        }
        if self.paths is None:
            return proposal_group(self.raw, naming, numbers)
        group = proposal_group(self.raw, naming, {**numbers, PATH: self.paths.numbers})
        difference = (self.paths.difference, self.paths.where)
        attributes = dict(zip(PATH_DIFFERENCE, difference, strict=True))
        return group.assign_attrs({PATHS: self.paths.declared, **attributes})

    def errors(self, columns: list[int]) -> Numbers:
        """Return the Monte Carlo errors of the resampled draws, none where they are unweighted."""
        if self.indices is None:
            return {}
        return weighted_errors(self.raw.values, columns, self.estimate.weights)

    def notes(self) -> dict[str, Any]:
        """Return what the step's record keeps."""
        facts = {"khat": str(self.estimate.khat), "threshold": self.estimate.threshold}
        if self.indices is None:
            return {**self.attributes, **facts}
        distinct = len(np.unique(self.indices))
        return {
            **self.attributes,
            **facts,
            "scheme": "systematic resampling",
            "ess": self.estimate.ess,
            "distinct": distinct,
        }


def weigh(
    raw: Chains,
    densities: tuple[str, str],
    path: str | None = None,
    *,
    to_resample: bool,
    seed: int,
    paths: int = 1,
) -> Weighted:
    """Resample the draws of an approximation where that is wanted and k̂ licenses it.

    `densities` name the columns of log_p and log_q, `path` that of the path that a draw is from, of
    so many `paths`.

    Raises:
        ChainError: the chain does not hold the log densities.
    """
    log_p, log_q = (raw.column(name) for name in densities)
    estimate = importance(log_p, log_q)
    origin = None if path is None else read_paths(raw, path, estimate.weights, paths)
    weighted = partial(Weighted, raw, log_p, log_q, estimate, paths=origin)
    limit = f"{estimate.threshold:.3f} for {len(log_p)} draws"
    if not to_resample:
        return weighted(indices=None, because="declared by `resample: false`")
    if not estimate.usable:
        return weighted(indices=None, because=_refused(estimate.khat, limit))
    if origin is not None and not origin.agree:
        return weighted(indices=None, because=_disagreeing(origin))
    indices = resample(estimate.weights, seed)
    because = (
        f"k̂ {estimate.khat:.3f} ≤ {limit}; {len(np.unique(indices))} draws are distinct, "
        f"their effective sample size is {estimate.ess:.0f}"
    )
    return weighted(indices=indices, because=because)


def _disagreeing(paths: Paths) -> str:
    return (
        f"the paths disagree: {paths.where} is {paths.difference:.2f} sds from that of all, so "
        "that modes have the shares of the paths that end in them"
    )


def _refused(khat: float, limit: str) -> str:
    if np.isnan(khat):
        return "k̂ cannot be estimated from log_p − log_q"
    if np.isinf(khat):
        return "log_p − log_q of some draw is not finite"
    return f"k̂ {khat:.3f} is above {limit}"

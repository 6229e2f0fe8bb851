"""Where the chains of a fit start, and with which metric."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stanchion.draws.attempts import Attempt
from stanchion.methods.hamiltonian import Hamiltonian
from stanchion.sampling.fit import Fit
from stanchion.sampling.metric import metric_of
from stanchion.sampling.parts import Starts
from stanchion.sampling.paths import starts_from_paths
from stanchion.sampling.points import random_points


def starts_of(fit: Fit, method: Hamiltonian) -> Starts:
    """Return where the chains start: at draws of Pathfinder, at the points of their superchains, at
    the declared number, or at what the declared file holds.

    Raises:
        CannotEvaluateError: the program's CmdStan is not Stanchion's own.
        ChainError: there are too few starts, or the metric's source gives none.
    """
    groups = method.superchains or method.chains
    if method.from_pathfinder:
        starts, tried = starts_from_paths(fit, groups)
        return starts_at(fit, method, [start.file for start in starts], tried)
    if method.superchains is not None:
        points, tried = random_points(fit, groups, method.start)
        return starts_at(fit, method, points, tried)
    declared = fit.job.path("init") if "init" in fit.job.inputs else None
    return starts_at(fit, method, [declared] * groups)


def starts_at(
    fit: Fit, method: Hamiltonian, points: Sequence[Path | None], *tried: Attempt
) -> Starts:
    """Return the starts of chains at these points, as many chains at each.

    Raises:
        CannotEvaluateError: the program's CmdStan is not Stanchion's own.
        ChainError: the metric's source gives none.
    """
    each = method.chains // len(points)
    inits = tuple(point for point in points for _ in range(each))
    if method.source is None:
        return Starts(inits=inits, metrics=(None,) * method.chains, tried=tried)
    metric, taken = metric_of(fit, method)
    return Starts(inits=inits, metrics=(metric,) * method.chains, tried=(*tried, taken))

"""The procedure of `auto`: Pathfinder, and NUTS from its draws where something is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stanchion.checks.catalogue import KHAT
from stanchion.draws.attempts import Attempt
from stanchion.draws.quantities import columns_of
from stanchion.draws.stan_csv import Chains, read_chains
from stanchion.draws.weighting import Weighted
from stanchion.errors import ChainError
from stanchion.methods.auto import Auto
from stanchion.methods.pathfinder import PATH_COLUMN, Pathfinder
from stanchion.plan.keys import seed_of
from stanchion.sampling.archive import Archive, attempts_of
from stanchion.sampling.fit import Failed, Fit, Run
from stanchion.sampling.hamiltonian import archive_of
from stanchion.sampling.paths import NoStartError, Start, described, starts_from_paths
from stanchion.sampling.points import first_usable
from stanchion.sampling.repair import sample_repaired
from stanchion.sampling.starts import starts_at, starts_of
from stanchion.stan.gradients import gradients_in
from stanchion.stats.narrowness import narrowness

_NAME = "Pathfinder"
_STARTS = "starts at Pathfinder's draws"
_CHAIN = "chain_1.csv"
_LOOKED_AT = 25
"""Draws of a path that may be its start."""


def auto(fit: Fit, method: Auto) -> Archive:
    """Sample a fit by Pathfinder, and by NUTS where that is not enough.

    Raises:
        ChainError: neither gives draws.
    """
    run = _run(fit, method.pathfinder)
    (result,) = fit.run([run])
    if isinstance(result, Failed):
        tried = _attempt(_NAME, result.because.strip().splitlines()[-1], passed=False)
        return _by_nuts(fit, method, None, tried)
    raw = read_chains([result.csv], run.rows, parts=run.parts)
    because, passed = _judged(method.pathfinder, raw, fit)
    if not passed:
        tried = _attempt(_NAME, because, passed=False, gradients=gradients_in(result.csv))
        return _by_nuts(fit, method, raw, tried)
    used, gradients = method.pathfinder, gradients_in(result.csv)
    tried = _attempt(_NAME, because, passed=True, runs=(_CHAIN,), gradients=gradients)
    return Archive([result.csv], attempts_of(used, [tried]), {})


def _run(fit: Fit, method: Pathfinder) -> Run:
    return Run(
        name=_NAME,
        command=tuple(method.command()),
        rows=method.rows(),
        seed=seed_of(fit.seed, "pathfinder"),
        start=method.start if isinstance(method.start, float) else None,
        parts=method.parts,
    )


def _judged(method: Pathfinder, raw: Chains, fit: Fit) -> tuple[str, bool]:
    """Return what is to be said of Pathfinder's draws, and whether they are the answer."""
    try:
        weighted = method.weigh(raw, fit.seed)
    except ChainError as error:
        return error.faults[0].what, False
    parameters = {v.name for v in fit.job.arguments.variables.declared["parameters"]}
    draws = raw.values[0][:, columns_of(raw.columns, parameters)]
    fault = _fault(weighted, draws, fit.job.arguments.checks[KHAT])
    return (weighted.because, True) if fault is None else (fault, False)


def _fault(weighted: Weighted, draws: NDArray[np.float64], limit: float) -> str | None:
    """Return what speaks against draws, `draw × scalar` of the parameters; None if nothing does.

    k̂ is good by chance now and then, so that the draws are looked at in other ways as well: the
    paths are held to each other, and the tail's index that follows from all ratios to k̂'s limit.
    """
    if weighted.indices is None:
        return weighted.because
    if not weighted.estimate.khat <= limit:
        return f"k̂ {weighted.estimate.khat:.3f} is above the declared {limit:g}"
    if (paths := weighted.paths) is not None:
        present = len(np.unique(paths.numbers))
        if present < paths.declared:
            return f"only {present} of {paths.declared} paths gave draws"
    if not np.isfinite(draws).all():
        return "a draw of a parameter is not finite"
    if np.ptp(weighted.log_p) == 0:
        return "all draws have one log density: the approximation has collapsed to a point"
    index = narrowness(weighted.log_p - weighted.log_q, draws)
    if not index <= limit:
        return (
            f"the approximation is too narrow: its variance in some direction is a share "
            f"{max(1 - index, 0):.2f} of the posterior's, of which k̂ would be {index:.2f}"
        )
    return None


def _by_nuts(fit: Fit, method: Auto, raw: Chains | None, tried: Attempt) -> Archive:
    """Sample by NUTS from draws of the paths, or where there are none from CmdStan's own starts."""
    nuts = method.nuts(from_pathfinder=True)
    try:
        points, started = _starts(fit, raw, nuts.superchains or nuts.chains)
    except NoStartError as error:
        nuts = method.nuts(from_pathfinder=False)
        starts = starts_of(fit, nuts)
        started = _attempt(_STARTS, error.faults[0].what, passed=False)
        starts = replace(starts, tried=(tried, started, *starts.tried))
    else:
        starts = starts_at(fit, nuts, points, tried, started)
    return archive_of(sample_repaired(fit, nuts, starts))


def _starts(fit: Fit, raw: Chains | None, count: int) -> tuple[list[Path], Attempt]:
    """Return draws of so many distinct paths: of those there are, and of more where they are few.

    Raises:
        NoStartError: too few paths have given one.
    """
    starts = [] if raw is None else _of_paths(fit, raw)[:count]
    if len(starts) == count:
        started = _attempt(_STARTS, described(starts), passed=True, gradients=0)
        return [start.file for start in starts], started
    words = f"{described(starts)}, and of more paths" if starts else ""
    more, started = starts_from_paths(fit, count - len(starts), words)
    return [start.file for start in (*starts, *more)], started


def _of_paths(fit: Fit, raw: Chains) -> list[Start]:
    """Return the first draw of each path that a chain can start at."""
    rows, numbers = raw.values[0], raw.column(PATH_COLUMN).astype(int)
    starts = []
    for path in np.unique(numbers).tolist():
        usable = first_usable(fit, f"start_{path}", raw.columns, rows[numbers == path][:_LOOKED_AT])
        if usable is not None:
            starts.append(Start(path, *usable))
    return starts


def _attempt(
    name: str,
    because: str,
    *,
    passed: bool,
    runs: tuple[str, ...] = (),
    gradients: int | None = None,
) -> Attempt:
    return Attempt(
        name=name, settings={}, runs=runs, gradients=gradients, passed=passed, because=because
    )

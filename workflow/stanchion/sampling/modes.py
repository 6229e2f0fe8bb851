"""Modes by an optimiser from several starts: which are distinct, and the curvature at the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stanchion.draws.attempts import Attempt
from stanchion.draws.modes import Mode, Modes
from stanchion.draws.stan_csv import read_chains
from stanchion.errors import ChainError
from stanchion.methods.optimize import Optimize
from stanchion.sampling.fit import Failed, Fit, Made, Run
from stanchion.stan.points import CannotEvaluateError, Points
from stanchion.stan.process import ProgramFailedError
from stanchion.stats.curvature import (
    Curvature,
    curvature,
    final_steps,
    first_steps,
    points_about,
    slopes,
    standard_errors,
)

Floats = NDArray[np.float64]
SAME_POSITION = 0.1
"""Standard errors of a parameter that two ends of one mode may differ by: an optimiser that has
converged ends within 0.01 of them, and a tenth of one changes no reported figure."""
SAME_DENSITY = SAME_POSITION**2 / 2
"""What the log density of a normal falls by within that distance."""
SAME_SIZE = 1e-3
"""Where no standard errors are known: the same distance as a share of the value, of 1 at least."""
MOST_PARAMETERS = 1000
"""Parameters up to which the Hessian is made, by six gradients each."""
_RETURNS = {
    0: "the optimiser ended",
    10: "the optimiser converged: its steps are below `tol_param`",
    20: "the optimiser converged: the log density changes by less than `tol_obj`",
    21: "the optimiser converged: the log density changes by less than `tol_rel_obj` allows",
    30: "the optimiser converged: its gradient is below `tol_grad`",
    31: "the optimiser converged: its gradient is below what `tol_rel_grad` allows",
    40: "the optimiser met its most iterations, `iter`, before it had converged",
}
"""By the codes of Stan's bfgs.hpp; Newton's method has none but 0."""
_MOST_ITERATIONS = 40


@dataclass(frozen=True)
class End:
    """Where a start ended; `points` is the program there, None where that is not known."""

    number: int
    made: Made
    log_density: float
    code: int
    columns: tuple[str, ...]
    values: Floats
    points: Points | None = None
    because: str = ""
    """Why the program is not known there."""
    evaluated: bool = True
    """Whether the CmdStan at hand could have told."""

    @property
    def is_mode(self) -> bool:
        """Whether the optimiser took it for one."""
        finite = np.isfinite(self.log_density) and bool(np.isfinite(self._position).all())
        return finite and self.code != _MOST_ITERATIONS

    @property
    def _position(self) -> Floats:
        return self.values if self.points is None else self.points.unconstrained[0]

    def is_at(self, other: End, errors: Floats | None) -> bool:
        """Tell whether another end is the same mode, by log density and by position."""
        if abs(self.log_density - other.log_density) > SAME_DENSITY:
            return False
        position, reference = self._position, other._position
        if errors is not None and self.points is not None and other.points is not None:
            return bool((np.abs(position - reference) <= SAME_POSITION * errors).all())
        return bool(
            (np.abs(position - reference) <= SAME_SIZE * np.maximum(np.abs(reference), 1)).all()
        )


@dataclass(frozen=True)
class Search:
    """What a search found: the highest end, all modes, and each start as an attempt."""

    highest: End
    ends: tuple[End, ...]
    modes: Modes
    tried: tuple[Attempt, ...]


def search(fit: Fit, optimiser: Optimize) -> Search:
    """Start an optimiser several times, and look at the highest of its ends.

    Raises:
        ChainError: no start came to an end, or the CmdStan's program was killed.
    """
    results = fit.run([_run(fit, optimiser, n) for n in range(1, optimiser.starts + 1)])
    ends = [_end(fit, result) for result in results if isinstance(result, Made)]
    if not ends:
        raise ChainError(
            f"the optimiser ended at no point, from {_starts(optimiser.starts)}; the words of the "
            f"first:\n{next(r.because for r in results if isinstance(r, Failed))}",
            where=str(fit.job.log),
            todo="look at the program's bounds and priors, and at `init`",
        )
    ranked = sorted(ends, key=lambda end: (np.isnan(end.log_density), -end.log_density))
    highest = ranked[0]
    curved, errors = _curved(fit, highest, jacobian=optimiser.jacobian)
    groups = _distinct(ranked, errors)
    modes = replace(
        curved,
        modes=tuple(
            Mode(
                log_density=group[0].log_density,
                starts=tuple(sorted(end.number for end in group)),
            )
            for group in groups
        ),
        starts=optimiser.starts,
        without=optimiser.starts - sum(end.is_mode for end in ends),
        returned=_RETURNS.get(highest.code, f"the optimiser returned {highest.code}"),
        stopped=highest.code == _MOST_ITERATIONS,
    )
    return Search(highest, tuple(ends), modes, tuple(_tried(results, ends, groups)))


def _run(fit: Fit, optimiser: Optimize, number: int) -> Run:
    start = optimiser.start
    return Run(
        name=f"start {number}",
        command=tuple(optimiser.command()),
        rows=optimiser.rows(),
        seed=fit.seed,
        chain=number,
        start=None if isinstance(start, str) else start,
        init=fit.job.path("init") if isinstance(start, str) else None,
    )


def _end(fit: Fit, made: Made) -> End:
    """Read where a start ended, and evaluate the program there."""
    chain = read_chains([made.csv], made.run.rows)
    row = dict(zip(chain.columns, chain.values[0, 0].tolist(), strict=True))
    code = row.get("converged__", 0.0)
    columns = tuple(name for name in chain.columns if not name.endswith("__"))
    end = End(
        made.run.chain,
        made,
        row["lp__"],
        int(code) if np.isfinite(code) else 0,
        columns,
        np.array([row[name] for name in columns]),
    )
    try:
        return replace(end, points=fit.evaluate(made.csv))
    except CannotEvaluateError as error:
        return replace(end, because=error.faults[0].what, evaluated=False)
    except ProgramFailedError as error:
        words = str(error.faults[0].what).splitlines()[-1].strip()
        return replace(end, because=f"the program fails at the mode: {words}")


def _curved(fit: Fit, end: End, *, jacobian: bool) -> tuple[Modes, Floats | None]:
    """Return what is known of an end by its curvature, and the errors of its parameters."""
    nothing = Modes(modes=(), starts=0, without=0, returned="", stopped=False)
    if end.points is None:
        return replace(nothing, because=end.because, evaluated=end.evaluated), None
    points = end.points
    mode, gradient = points.unconstrained[0], _gradients(points, jacobian=jacobian)[0]
    known = replace(
        nothing,
        parameters=points.names,
        unconstrained=tuple(mode.tolist()),
        gradient=tuple(gradient.tolist()),
    )
    if not np.isfinite([*mode, *gradient]).all():
        worst = points.names[int(np.argmin(np.isfinite(mode) & np.isfinite(gradient)))]
        why = "the mode or the gradient there is no number, as at a bound"
        return replace(known, because=why, parameter_because=worst), None
    if len(mode) > MOST_PARAMETERS:
        why = f"there are {len(mode)} parameters, and the Hessian is made of {MOST_PARAMETERS}"
        return replace(known, because=why), None
    bent, derivatives, columns = _hessian(fit, mode, jacobian=jacobian)
    if bent.covariance is None:
        worst = "" if bent.worst is None else points.names[bent.worst]
        return replace(known, because=bent.because, parameter_because=worst), None
    return (
        replace(
            known,
            covariance=tuple(map(tuple, bent.covariance.tolist())),
            columns=columns,
            errors=tuple(standard_errors(derivatives, bent.covariance).tolist()),
        ),
        np.sqrt(np.diagonal(bent.covariance)),
    )


def _hessian(
    fit: Fit, mode: Floats, *, jacobian: bool
) -> tuple[Curvature, Floats, tuple[str, ...]]:
    """Return the curvature at a mode, and the derivatives of the declared variables there."""
    steps = first_steps(mode)
    around = fit.evaluate(points_about(mode, steps))
    bend = slopes(around.unconstrained, _gradients(around, jacobian=jacobian))
    steps = final_steps(mode, steps, bend)
    coarser = fit.evaluate(points_about(mode, 2 * steps))
    coarse = slopes(coarser.unconstrained, _gradients(coarser, jacobian=jacobian))
    around = fit.evaluate(points_about(mode, steps))
    bend = slopes(around.unconstrained, _gradients(around, jacobian=jacobian))
    bent = curvature(bend, coarse, steps)
    return bent, slopes(around.unconstrained, around.values), around.columns


def _gradients(points: Points, *, jacobian: bool) -> Floats:
    return points.gradient if jacobian else points.gradient_no_jacobian


def _distinct(ranked: Sequence[End], errors: Floats | None) -> list[list[End]]:
    """Gather ends into modes, the highest first; the highest end of all begins the first."""
    groups = [[ranked[0]]]
    for end in ranked[1:]:
        if not end.is_mode:
            continue
        same = next((group for group in groups if end.is_at(group[0], errors)), None)
        if same is None:
            groups.append([end])
        else:
            same.append(end)
    return groups


def _tried(
    results: Sequence[Made | Failed], ends: Sequence[End], groups: Sequence[Sequence[End]]
) -> list[Attempt]:
    """Return the starts as attempts, and last what was made of them."""
    by_number = {end.number: end for end in ends}
    of_mode = {end.number: rank for rank, group in enumerate(groups, start=1) for end in group}
    tried = [
        Attempt(
            name=result.run.name,
            settings={},
            runs=(result.run.file,) if isinstance(result, Made) else (),
            gradients=None,
            passed=result.run.chain in of_mode and by_number[result.run.chain].is_mode,
            because=_outcome(result, by_number.get(result.run.chain), of_mode),
        )
        for result in results
    ]
    best = groups[0][0]
    because = f"of {_starts(len(results))}, with {len(groups)} distinct modes"
    return [
        *tried,
        Attempt(
            name=f"the highest mode, of start {best.number}",
            settings={},
            runs=(best.made.run.file,),
            gradients=None,
            passed=best.is_mode,
            because=because if len(groups) > 1 else f"of {_starts(len(results))}, with one mode",
        ),
    ]


def _outcome(result: Made | Failed, end: End | None, of_mode: dict[int, int]) -> str:
    if end is None:
        words = result.because.splitlines() if isinstance(result, Failed) else [""]
        return f"it ended at no point: {words[-1].strip()}"
    density = f"log density {end.log_density:.6g}"
    returned = _RETURNS.get(end.code, f"the optimiser returned {end.code}")
    if not end.is_mode:
        return f"no mode: {returned}; {density}"
    return f"mode {of_mode[end.number]}, {density}"


def _starts(count: int) -> str:
    return "one start" if count == 1 else f"{count} starts"

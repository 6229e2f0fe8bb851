"""Starts at draws of single Pathfinders: each from a path of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stanchion.draws.attempts import Attempt
from stanchion.draws.stan_csv import read_chains
from stanchion.errors import ChainError
from stanchion.methods.pathfinder import Pathfinder
from stanchion.plan.keys import seed_of
from stanchion.sampling.fit import Failed, Fit, Made, Run
from stanchion.sampling.points import first_usable
from stanchion.stan.gradients import gradients_in

MOST_PATHS = 3
"""Paths that are run for a start, where some fail."""
_DRAWS = 25
"""Of a path: as many as its estimate of the ELBO took anyway."""


class NoStartError(ChainError):
    """Too few paths have given a draw that a chain can start at."""


@dataclass(frozen=True)
class Start:
    """A draw of a path, as a file of initial values."""

    path: int
    draw: int
    file: Path


def starts_from_paths(
    fit: Fit, count: int, words: str = "", *, after: int = 0, setting: str = "init: pathfinder"
) -> tuple[list[Start], Attempt]:
    """Run single Pathfinders until so many have given a draw that a chain can start at.

    Their seeds are those of the fit and the path's number, which are those `after` one. `words`
    begin the reason that is given; `setting` is the one that asks for it.

    Raises:
        NoStartError: too few paths have given one.
        ChainError: a path was killed, or met its time limit.
    """
    starts: list[Start] = []
    failures: list[str] = []
    gradients: list[int | None] = []
    run = 0
    while len(starts) < count and run < MOST_PATHS * count:
        next_ones = min(count - len(starts), MOST_PATHS * count - run)
        numbers = range(after + run + 1, after + run + next_ones + 1)
        run += next_ones
        for number, result in zip(numbers, fit.run([_path(fit, n) for n in numbers]), strict=True):
            start = _start(fit, number, result)
            gradients.append(gradients_in(result.csv) if isinstance(result, Made) else None)
            if isinstance(start, Start):
                starts.append(start)
            else:
                failures.append(f"path {number}: {start}")
    if len(starts) < count:
        raise NoStartError(
            f"Pathfinder gave starts to {len(starts)} of {count}, from {run} paths; {failures[-1]}",
            where=str(fit.job.log),
            todo=f"remove `{setting}`, or declare init as a number or a file; the log says why "
            "each path failed",
        )
    return starts, Attempt(
        name="starts at Pathfinder's draws",
        settings={},
        runs=(),
        gradients=None if None in gradients else sum(filter(None, gradients)),
        passed=True,
        because="; ".join(filter(None, (words, described(starts), *failures))),
    )


def described(starts: Sequence[Start]) -> str:
    """Return which draw each start is."""
    draws = [f"draw {start.draw} of path {start.path}" for start in starts]
    return f"the starts are {', '.join(draws)}"


def _path(fit: Fit, number: int) -> Run:
    method = Pathfinder(paths=1, draws=_DRAWS)
    return Run(
        name=f"path {number}",
        command=tuple(method.command()),
        rows=method.rows(),
        seed=seed_of(fit.seed, "path", str(number)),
    )


def _start(fit: Fit, number: int, result: Made | Failed) -> Start | str:
    """Return the first draw of a path that a chain can start at, or why there is none."""
    if isinstance(result, Failed):
        return result.because.strip().splitlines()[-1]
    chains = read_chains([result.csv], result.run.rows)
    usable = first_usable(fit, f"path_{number}", chains.columns, chains.values[0])
    if usable is None:
        return "none of its draws has a finite log density and gradient"
    return Start(number, *usable)

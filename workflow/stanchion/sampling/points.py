"""Points at which chains may start: files of initial values that the program can start from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from stanchion.draws.attempts import Attempt
from stanchion.draws.initial import initial_values
from stanchion.draws.naming import Naming
from stanchion.errors import ChainError
from stanchion.plan.keys import seed_of
from stanchion.sampling.fit import Fit
from stanchion.stan.command import DEFAULT_INIT
from stanchion.stan.points import CannotEvaluateError
from stanchion.stan.process import ProgramFailedError

MOST_TRIES = 100
"""Of a random point, as many as CmdStan makes."""


def first_usable(
    fit: Fit, name: str, columns: Sequence[str], rows: Iterable[Sequence[float]]
) -> tuple[int, Path] | None:
    """Write the first row as initial values at which density and gradient are finite.

    Returns its number from 1 and the file, None where there is no such row: a draw on a boundary,
    such as a scale that was rounded to 0, has no place on the unconstrained scale. It is read back
    as a chain will read it. A CmdStan other than Stanchion's own cannot be asked: there the first
    finite row is taken.

    Raises:
        ChainError: the program was killed, or met its time limit: no row is to blame.
    """
    data = json.loads(fit.job.path("data").read_text())
    naming = Naming.of(fit.job.arguments.variables.declared, data, {"sizes": {}})
    path = fit.path(f"{name}.json")
    for number, row in enumerate(rows, start=1):
        values = initial_values(columns, row, naming)
        try:
            path.write_text(json.dumps(values, allow_nan=False))
        except ValueError:
            continue
        if _can_start(fit, path):
            return number, path
    path.unlink(missing_ok=True)
    return None


def random_points(fit: Fit, count: int, radius: float | str | None) -> tuple[list[Path], Attempt]:
    """Write points drawn uniformly within ± the radius on the unconstrained scale, and say so.

    Raises:
        CannotEvaluateError: the program's CmdStan is not Stanchion's own.
        ChainError: no point of a superchain was of use.
    """
    size = fit.unconstrained_size()
    limit = float(DEFAULT_INIT if radius is None else radius)
    points = [_random_point(fit, number, size, limit) for number in range(1, count + 1)]
    return points, Attempt(
        name="starts of the superchains",
        settings={},
        runs=(),
        gradients=None,
        passed=True,
        because=f"the chains of each of {count} superchains start at one point, drawn uniformly "
        f"within ± {limit:g} on the unconstrained scale",
    )


def _random_point(fit: Fit, number: int, size: int, limit: float) -> Path:
    """Write a point; it is drawn again as CmdStan does, where it has no density or gradient."""
    generator = np.random.default_rng(seed_of(fit.seed, "superchain", str(number)))
    for _ in range(MOST_TRIES):
        points = fit.evaluate(generator.uniform(-limit, limit, size=(1, size)))
        usable = first_usable(fit, f"superchain_{number}", points.columns, points.values)
        if usable is not None:
            return usable[1]
    raise ChainError(
        f"superchain {number} found no start: of {MOST_TRIES} points within ± {limit:g} none had a "
        "finite log density and gradient",
        where=str(fit.job.log),
        todo="narrow init, or declare init: pathfinder",
    )


def _can_start(fit: Fit, path: Path) -> bool:
    try:
        point = fit.evaluate(path)
    except CannotEvaluateError:
        return True
    except ProgramFailedError:
        return False
    return bool(np.isfinite(point.lp).all() and np.isfinite(point.gradient).all())

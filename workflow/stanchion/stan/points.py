"""A compiled program at given points: densities, gradients, and all variables on both scales.

By the hidden method `evaluate` of the driver that comes with Stanchion's own CmdStan.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stanchion.errors import ChainError, ToolchainError
from stanchion.stan.command import evaluate_command
from stanchion.stan.process import ProgramFailedError

_DENSITIES = ("lp__", "lp_no_jacobian__", "lp_propto__", "lp_propto_no_jacobian__")
_SECTIONS = ("unconstrained__.", "gradient__.", "gradient_no_jacobian__.")
_UNKNOWN = re.compile(r'\bevaluate is (not a valid value for "method"|either mistyped)')
"""What a CmdStan says that has no such method."""
_SIZE = re.compile(r"Model has (\d+) parameters but 1 were found")


class CannotEvaluateError(ToolchainError):
    """The program was compiled with a CmdStan that is not Stanchion's own."""


@dataclass(frozen=True)
class Points:
    """A program at some points, a row a point; a row of a rejected point lacks its numbers.

    Where the program rejects a point, its densities are minus infinity and its gradients NaN;
    variables that could not be computed are NaN. The densities `lp…` are up to no constant but
    where they are called `propto`: then CmdStan's own `lp__`, less the Jacobian where they say so.

    `names` are those of the unconstrained parameters, `columns` those of the variables, both as a
    Stan CSV writes them (`theta.1`).
    """

    names: tuple[str, ...]
    unconstrained: NDArray[np.float64]
    lp: NDArray[np.float64]
    lp_no_jacobian: NDArray[np.float64]
    lp_propto: NDArray[np.float64]
    lp_propto_no_jacobian: NDArray[np.float64]
    gradient: NDArray[np.float64]
    """Of the log density by the unconstrained parameters, `point × parameter`."""
    gradient_no_jacobian: NDArray[np.float64]
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    """`point × column`: parameters, transformed parameters and, where asked for, the generated."""


def evaluate(
    program: Callable[[Sequence[str], str], object],
    points: NDArray[np.float64] | Path,
    *,
    data: Path,
    folder: Path,
    seed: int = 0,
    generated_quantities: bool = False,
) -> Points:
    """Evaluate a program at points: `point × unconstrained parameter`, or a file of declared ones.

    Such a file is a Stan CSV that holds the program's parameters, or Stan JSON of one point.
    `program` runs the compiled program with these arguments, under this name. The seed is that of
    the generated quantities.

    Raises:
        CannotEvaluateError: the CmdStan that compiled the program is not Stanchion's own.
        ChainError: the program failed, as where a point violates a constraint.
    """
    if isinstance(points, Path):
        path = points
    else:
        path = folder / "points.json"
        path.write_text(json.dumps({"params_r": np.asarray(points).tolist()}))
    output = folder / "evaluated.csv"
    arguments = evaluate_command(
        data=data,
        points=path,
        output=output,
        is_declared=isinstance(points, Path),
        generated_quantities=generated_quantities,
        seed=seed,
    )
    try:
        program(arguments, "the log density at given points")
    except ProgramFailedError as error:
        if _UNKNOWN.search(str(error)):
            raise CannotEvaluateError(
                "the CmdStan that compiled this program cannot evaluate it at given points, which "
                "the one of `stanchion toolchain install` can",
                todo="unset CMDSTAN, or move the other CmdStan away, so that Stanchion's own is "
                "found; `stanchion toolchain show` says which it is",
            ) from error
        raise
    return read_points(output)


def unconstrained_size(
    program: Callable[[Sequence[str], str], object], *, data: Path, folder: Path
) -> int:
    """Return the number of a program's unconstrained parameters.

    The driver says it where it is given another; raises as `evaluate` does.
    """
    try:
        return len(evaluate(program, np.zeros((1, 1)), data=data, folder=folder).names)
    except ProgramFailedError as error:
        match = _SIZE.search(str(error))
        if match is None:
            raise
        return int(match[1])


def read_points(path: Path) -> Points:
    """Read what the driver's method `evaluate` wrote.

    Raises:
        ChainError: the file is not whole.
    """
    lines = [x for x in path.read_text().splitlines() if x and not x.startswith("#")]
    try:
        header = lines[0].split(",")
        table = np.array([line.split(",") for line in lines[1:]], dtype=np.float64)
        table = table.reshape(-1, len(header))
        size = sum(name.startswith(_SECTIONS[0]) for name in header)
        parameters = header[len(_DENSITIES) :][:size]
        names = tuple(name.removeprefix(_SECTIONS[0]) for name in parameters)
        before = [*_DENSITIES, *(section + name for section in _SECTIONS for name in names)]
        if header[: len(before)] != before:
            raise ValueError("its columns are not those of `evaluate`")
    except (IndexError, ValueError) as error:
        raise ChainError(f"the evaluated points are not whole: {error}", where=str(path)) from error
    ends = [len(_DENSITIES) + size * section for section in range(len(_SECTIONS) + 1)]
    unconstrained, gradient, gradient_no_jacobian = (table[:, a:b] for a, b in pairwise(ends))
    lp, lp_no_jacobian, lp_propto, lp_propto_no_jacobian = table[:, : len(_DENSITIES)].T
    return Points(
        names=names,
        unconstrained=unconstrained,
        lp=lp,
        lp_no_jacobian=lp_no_jacobian,
        lp_propto=lp_propto,
        lp_propto_no_jacobian=lp_propto_no_jacobian,
        gradient=gradient,
        gradient_no_jacobian=gradient_no_jacobian,
        columns=tuple(header[len(before) :]),
        values=table[:, len(before) :],
    )

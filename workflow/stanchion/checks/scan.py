"""What each column of a fit's draws is found to be: constant, frozen, without value, well mixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stanchion.draws.columns import Span
from stanchion.draws.naming import TRIANGULAR, VECTORS
from stanchion.stats.convergence import Block, mixing
from stanchion.stats.summary import Numbers, by_blocks

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Findings:
    """What the gate knows of each column.

    `unsound` columns hold NaN or infinity, `unfilled` ones NaN in every draw though their variable
    has elements that are filled, `constant` ones a single value, `frozen` ones of them ought to
    move, `stuck` ones hold a single value within some chain but not in all; `extent` is the largest
    absolute value. `sampled` are elements of parameters.
    """

    rhat: Floats
    ess_bulk: Floats
    ess_tail: Floats
    constant: Flags
    frozen: Flags
    stuck: Flags
    unsound: Flags
    unfilled: Flags
    extent: Floats
    sampled: Flags

    @property
    def judged(self) -> Flags:
        """Which columns are there to be judged by R-hat and effective sample size."""
        return ~(self.constant | self.stuck | self.unsound | self.unfilled)


def scan(draws: Floats, variables: Sequence[Span] = ()) -> Findings:
    """Measure what the gate needs of each column of `chain × draw × columns`.

    Columns that no variable claims are taken for transformed ones, each by itself.
    """
    numbers = by_blocks(_scan_block, draws)
    numbers["frozen"], numbers["unfilled"], numbers["sampled"] = np.zeros(
        (3, draws.shape[2]), np.bool_
    )
    for variable in variables:
        columns = slice(variable.start, variable.stop)
        numbers["sampled"][columns] = variable.sampled
        if variable.sampled:
            numbers["frozen"][columns] = _frozen(numbers["constant"][columns], variable)
        elif not numbers["missing"][columns].all():
            numbers["unfilled"][columns] = numbers["missing"][columns]
    numbers["unsound"] &= ~numbers["unfilled"]
    del numbers["missing"]
    return Findings(**numbers)


def _frozen(constant: Flags, variable: Span) -> Flags:
    """Return which constant elements of a parameter no type accounts for.

    A Cholesky factor has a triangle of zeros, a simplex of length one is 1; that all of a larger
    one rests, nothing accounts for.
    """
    sizes = variable.shape[-1:] if variable.constraint in VECTORS else variable.shape[-2:]
    single = 1 in sizes and variable.constraint != "cholesky_factor_cov"
    if variable.constraint and single:
        return np.zeros_like(constant)
    if variable.constraint in TRIANGULAR:
        return constant & constant.all()
    return constant


def _scan_block(draws: Floats) -> Numbers:
    mixed = mixing(Block.of(draws))
    first = draws[:, :, :1]
    resting = (draws == first).all(2)
    constant = resting.all(1) & (first == first[:, :1]).all((1, 2))
    return {
        "rhat": mixed.rhat,
        "ess_bulk": mixed.ess_bulk,
        "ess_tail": mixed.ess_tail,
        "constant": constant,
        "stuck": resting.any(1) & ~constant,
        "extent": np.abs(draws).max((1, 2)),
        "unsound": ~np.isfinite(draws).all((1, 2)) & ~constant,
        "missing": np.isnan(draws).all((1, 2)),
    }

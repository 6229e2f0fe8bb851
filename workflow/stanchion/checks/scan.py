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
    found = by_blocks(_scan_block, draws)
    found["frozen"], found["unfilled"], found["sampled"] = np.zeros((3, draws.shape[2]), np.bool_)
    for variable in variables:
        own = slice(variable.start, variable.stop)
        found["sampled"][own] = variable.sampled
        if variable.sampled:
            found["frozen"][own] = _frozen(found["constant"][own], variable)
        elif not found["missing"][own].all():
            found["unfilled"][own] = found["missing"][own]
    found["unsound"] &= ~found["unfilled"]
    del found["missing"]
    return Findings(**found)


def _frozen(constant: Flags, variable: Span) -> Flags:
    """Return which constant elements of a parameter no type accounts for.

    A Cholesky factor has a triangle of zeros, a simplex of length one is 1; that all of a larger
    one rests, nothing accounts for.
    """
    own = variable.shape[-1:] if variable.constraint in VECTORS else variable.shape[-2:]
    single = 1 in own and variable.constraint != "cholesky_factor_cov"
    if variable.constraint and single:
        return np.zeros_like(constant)
    if variable.constraint in TRIANGULAR:
        return constant & constant.all()
    return constant


def _scan_block(draws: Floats) -> Numbers:
    found = mixing(Block.of(draws))
    first = draws[:, :, :1]
    resting = (draws == first).all(2)
    constant = resting.all(1) & (first == first[:, :1]).all((1, 2))
    return {
        "rhat": found.rhat,
        "ess_bulk": found.ess_bulk,
        "ess_tail": found.ess_tail,
        "constant": constant,
        "stuck": resting.any(1) & ~constant,
        "extent": np.abs(draws).max((1, 2)),
        "unsound": ~np.isfinite(draws).all((1, 2)) & ~constant,
        "missing": np.isnan(draws).all((1, 2)),
    }

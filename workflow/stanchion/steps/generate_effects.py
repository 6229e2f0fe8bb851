"""Draws of a fit, and data with a grid of predictors → one generated quantity at each draw."""

from __future__ import annotations

from stanchion.plan.arguments import GenerateQuantities
from stanchion.plan.job import Job
from stanchion.steps.generate_quantities import generate

_LINES = 25
"""Draws of the prior that can be told from one another as lines."""


def run(job: Job[GenerateQuantities]) -> None:
    """Generate it as the quantities of a fit are generated that takes the draws of another.

    At some draws of the prior too, where the fit has them.

    Raises:
        ChainError: a chain is not whole, or the program failed.
        StepError: the program does not take these draws.
    """
    generate(job, of_prior=_LINES)

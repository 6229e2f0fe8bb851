"""Draws of a fit, and data with a grid of predictors → one generated quantity at each draw."""

from __future__ import annotations

from stanchion.plan.arguments import GenerateQuantities
from stanchion.plan.job import Job
from stanchion.steps.generate_quantities import generate


def run(job: Job[GenerateQuantities]) -> None:
    """Generate it as the quantities of a fit are generated that takes the draws of another.

    Raises:
        ChainError: a chain is not whole, or the program failed.
        StepError: the program does not take these draws.
    """
    generate(job)

"""Data of generated quantities → the Stan JSON of their program, and what is known of it."""

from __future__ import annotations

from stanchion.plan.arguments import PrepareData
from stanchion.plan.job import Job
from stanchion.steps.prepare_data import prepare


def run(job: Job[PrepareData]) -> None:
    """Make the data as those of a fit are made.

    Raises:
        DataError: a table does not hold what was declared, or the program's data do not agree.
    """
    prepare(job)

"""Runs one job of a fit's method."""

from __future__ import annotations

from stanchion.plan.arguments import SampleChain
from stanchion.plan.job import Job
from stanchion.sampling.chain import Chain, finish, sample
from stanchion.stan.command import RunFiles


def run(job: Job[SampleChain]) -> None:
    """Run the compiled program and check that its CSV holds every row.

    Raises:
        ChainError: the program failed, or its output is not whole.
    """
    sample(_chain(job))


def after(job: Job[SampleChain]) -> None:
    """Say of the saved state that its chain is done, once the chain is in the cache."""
    finish(_chain(job))


def _chain(job: Job[SampleChain]) -> Chain:
    return Chain(
        job.arguments,
        job.made_of,
        RunFiles(job.path("data"), init=job.path("init") if "init" in job.inputs else None),
        job.path("executable"),
        job.descriptors["executable"],
        job.outputs["chain"],
        job.log,
        job.notes,
    )

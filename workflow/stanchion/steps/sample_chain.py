"""Runs one job of a fit's method; imports nothing heavier than the standard library."""

from __future__ import annotations

from stanchion.plan.arguments import SampleChain
from stanchion.plan.job import Job
from stanchion.stan.command import run_command
from stanchion.stan.console import append_messages, complaints
from stanchion.stan.process import check_csv, run_program


def run(job: Job[SampleChain]) -> None:
    """Run the compiled program and check that its CSV holds every row.

    Raises:
        ChainError: the program failed, or its output is not whole.
    """
    arguments, output = job.arguments, job.outputs["chain"]
    words = run_command(
        arguments.command,
        data=job.path("data"),
        output=output,
        chain=arguments.chain,
        seed=arguments.seed,
        start=job.path("init") if "init" in job.inputs else arguments.start,
        threads=arguments.threads,
    )
    job.notes["command"] = words
    notes = run_program(
        [str(job.path("executable")), *words],
        job.log,
        chain=arguments.name,
        time_limit=arguments.time_limit,
        descriptor=job.descriptors["executable"],
    )
    job.notes.update(notes)
    check_csv(output, arguments.rows, chain=arguments.name)
    append_messages(output, complaints(job.log))

"""Approximates a posterior by ADVI; imports nothing heavier than the standard library."""

from __future__ import annotations

from stanchion.plan.job import Job
from stanchion.stan.command import variational_command
from stanchion.stan.console import append_messages, complaints
from stanchion.stan.process import check_rows, run_program


def run(job: Job) -> None:
    """Run ADVI and check that its CSV holds the mean and every draw.

    Raises:
        ChainError: the program failed, or its output is not whole.
    """
    settings = job.arguments
    output = job.outputs["chain"]
    arguments = variational_command(
        settings,
        data=job.path("data"),
        output=output,
        chain=settings["chain"],
        seed=settings["seed"],
        init=job.path("init") if "init" in job.inputs else None,
    )
    job.notes["command"] = arguments
    ran = run_program(
        [str(job.path("executable")), *arguments],
        job.log,
        chain="the approximation",
        time_limit=settings["time_limit"],
        descriptor=job.descriptors["executable"],
    )
    job.notes.update(ran)
    check_rows(output, settings["draws"] + 1, chain="the approximation")
    append_messages(output, complaints(job.log))

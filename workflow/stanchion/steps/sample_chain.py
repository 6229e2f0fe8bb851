"""Runs one chain of a fit; imports nothing heavier than the standard library."""

from __future__ import annotations

from stanchion.plan.job import Job
from stanchion.stan.command import sample_command
from stanchion.stan.console import append_messages, complaints
from stanchion.stan.process import check_chain, run_program


def run(job: Job) -> None:
    """Run the chain and check that its CSV holds every draw.

    Raises:
        ChainError: the sampler failed, or its output is not whole.
    """
    settings = job.arguments
    output, name = job.outputs["chain"], f"chain {settings['chain']}"
    arguments = sample_command(
        settings,
        data=job.path("data"),
        output=output,
        chain=settings["chain"],
        seed=settings["seed"],
        threads=settings["threads"],
        init=job.path("init") if "init" in job.inputs else None,
    )
    job.notes["command"] = arguments
    ran = run_program(
        [str(job.path("executable")), *arguments],
        job.log,
        chain=name,
        time_limit=settings["time_limit"],
        descriptor=job.descriptors["executable"],
    )
    job.notes.update(ran)
    check_chain(output, -(-settings["draws"] // settings["thin"]), chain=name)
    append_messages(output, complaints(job.log))

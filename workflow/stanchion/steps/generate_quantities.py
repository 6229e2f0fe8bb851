"""Draws of a fit, and data → the generated quantities of a program at each draw."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from numpy.typing import NDArray

from stanchion.draws.quantities import Quantities, columns_of, write_parameters
from stanchion.draws.stan_csv import Chains, read_chains
from stanchion.plan.arguments import GenerateQuantities
from stanchion.plan.job import Job
from stanchion.plan.keys import seed_of
from stanchion.stan.command import quantities_command
from stanchion.stan.console import append_messages, complaints
from stanchion.stan.process import check_csv, run_program
from stanchion.stan.rows import Rows
from stanchion.steps.sampled import chains_of


def run(job: Job[GenerateQuantities]) -> None:
    """Run the compiled program once a chain, one after another, each with a seed of its own.

    Raises:
        ChainError: a chain is not whole, or the program failed.
    """
    folder = Path(mkdtemp(dir=job.outputs["quantities"].parent))
    try:
        method, paths, _ = chains_of(job.arguments, job.paths("chains"), folder / "archive")
        chains = read_chains(paths, method.rows(job.arguments.keep), parts=method.parts)
        chosen = columns_of(chains.columns, {v.name for v in job.arguments.parameters})
        columns = [chains.columns[index] for index in chosen]
        generated = [
            _generated(job, number, columns, draws, folder)
            for number, draws in enumerate(chains.values[:, :, chosen], start=1)
        ]
        Quantities.of(generated).write(job.outputs["quantities"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _generated(
    job: Job[GenerateQuantities],
    number: int,
    columns: list[str],
    draws: NDArray[np.float64],
    folder: Path,
) -> Chains:
    """Return what the program generates at the draws of one chain, `draw × column`."""
    fitted, output = folder / f"fitted_{number}.csv", folder / f"quantities_{number}.csv"
    write_parameters(columns, draws, fitted)
    words = quantities_command(
        data=job.path("data"),
        draws=fitted,
        output=output,
        seed=seed_of(job.arguments.seed, "generated quantities", str(number)),
    )
    name, rows = f"the generated quantities of chain {number}", Rows(len(draws), footer=False)
    notes = run_program(
        [str(job.path("executable")), *words],
        job.log,
        chain=name,
        descriptor=job.descriptors["executable"],
    )
    job.notes.update({fact: text for fact, text in notes.items() if fact == "log"})
    check_csv(output, rows, chain=name)
    append_messages(output, complaints(job.log))
    fitted.unlink()
    return read_chains([output], rows)

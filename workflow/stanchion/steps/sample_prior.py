"""Draws from the prior and the prior predictive distribution: the program with `prior_only: 1`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from stanchion.draws.stan_csv import read_chains
from stanchion.methods.nuts import Nuts
from stanchion.plan.arguments import SamplePrior
from stanchion.plan.job import Job
from stanchion.stan.command import RunFiles, run_command
from stanchion.stan.console import append_messages, complaints
from stanchion.stan.prior_switch import Densities, densities
from stanchion.stan.process import check_csv, run_program
from stanchion.stan.progress import ChainReport, forget_chains
from stanchion.steps.prior import summarise_prior


def run(job: Job[SamplePrior]) -> None:
    """Run the chains of the prior one after another, then write draws, checks and a picture.

    Raises:
        ChainError: the sampler failed, or its output is not whole.
    """
    folder = Path(mkdtemp(dir=job.outputs["prior"].parent))
    try:
        sampler = Nuts.model_validate(job.arguments.sampler)
        files = _chains(job, sampler, folder)
        chains = read_chains(files, sampler.rows())
        summarise_prior(job, chains, _densities(job, files, folder))
    finally:
        forget_chains(job.log)
        shutil.rmtree(folder, ignore_errors=True)


def _densities(job: Job[SamplePrior], chains: list[Path], folder: Path) -> Densities | None:
    """Return log densities of prior draws, or None where the program has no parameters."""
    if not job.arguments.variables.declared["parameters"]:
        return None
    data = json.loads(job.path("data").read_text())
    return densities(partial(_run, job), data, chains, folder)


def _run(
    job: Job[SamplePrior], arguments: Sequence[str], name: str, report: ChainReport | None = None
) -> dict[str, Any]:
    """Run the compiled program, and return notes for the record."""
    command, descriptor = [str(job.path("executable")), *arguments], job.descriptors["executable"]
    return run_program(command, job.log, chain=name, descriptor=descriptor, report=report)


def _chains(job: Job[SamplePrior], sampler: Nuts, folder: Path) -> list[Path]:
    data = folder / "data.json"
    data.write_text(json.dumps({**json.loads(job.path("data").read_text()), "prior_only": 1}))
    files = []
    for chain in range(1, sampler.jobs + 1):
        files.append(folder / f"chain_{chain}.csv")
        arguments = run_command(
            sampler.command(),
            files=RunFiles(data),
            output=files[-1],
            chain=chain,
            seed=job.arguments.seed,
        )
        name = f"chain {chain} of the prior"
        with ChainReport(job.log, name, arguments, files[-1]) as report:
            notes = _run(job, arguments, name, report)
        job.notes.update({fact: text for fact, text in notes.items() if fact == "log"})
        check_csv(files[-1], sampler.rows(), chain=name)
        append_messages(files[-1], complaints(job.log))
    return files

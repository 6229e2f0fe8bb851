"""Draws of a fit, and data → the generated quantities of a program at each draw."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.checks.reasons import why_stopped
from stanchion.draws.files import open_draws, read_parameters
from stanchion.draws.quantities import Quantities, columns_of, write_parameters
from stanchion.draws.stan_csv import Chains, read_chains
from stanchion.errors import StepError
from stanchion.plan.arguments import GenerateQuantities
from stanchion.plan.job import Job
from stanchion.plan.keys import seed_of
from stanchion.sampling.taken import unlike
from stanchion.stan.command import quantities_command
from stanchion.stan.console import append_messages, complaints
from stanchion.stan.points import CannotEvaluateError, evaluate
from stanchion.stan.process import ProgramFailedError, check_csv, run_program
from stanchion.stan.progress import ChainReport
from stanchion.stan.rows import Rows
from stanchion.steps.sampled import chains_of

Floats = NDArray[np.float64]


def run(job: Job[GenerateQuantities]) -> None:
    """Run the compiled program once a chain, one after another, each with a seed of its own.

    Nothing is made of the draws of a fit that failed where that is to stop.

    Raises:
        ChainError: a chain is not whole, or the program failed.
        StepError: the program does not take these draws.
    """
    generate(job)


def generate(job: Job[GenerateQuantities], *, of_prior: int = 0) -> None:
    """Do it for all quantities, or for the one that is wanted; that also at draws of the prior.

    `of_prior` is how many of these, where the fit has some.
    """
    because = _stopped(job)
    if because is not None:
        job.notes["not_made"] = because
        Quantities.none().write(job.outputs["quantities"])
        return
    folder = Path(mkdtemp(dir=job.outputs["quantities"].parent))
    try:
        columns, draws = _drawn(job, folder)
        made = _each_chain(job, columns, draws, folder)
        quantities, variable = Quantities.of(list(made)), job.arguments.variable
        wanted = quantities if variable is None else quantities.of_variable(variable)
        if of_prior and variable is not None:
            wanted = _with_prior(wanted, job, variable, of_prior, folder)
        wanted.write(job.outputs["quantities"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stopped(job: Job[GenerateQuantities]) -> str | None:
    on_fail = job.arguments.on_fail
    if on_fail is None:
        return None
    return why_stopped(json.loads(job.path("diagnostics").read_text()), on_fail)


def _drawn(job: Job[GenerateQuantities], folder: Path) -> tuple[list[str], Floats]:
    """Return the parameters that the program declares, `chain × draw × column`, and their names.

    Of a fit's own chains they are those before any resampling.
    """
    names = {parameter.name for parameter in job.arguments.parameters}
    if "chains" in job.inputs:
        method, paths, *_ = chains_of(job.arguments, job.paths("chains"), folder / "archive")
        chains = read_chains(paths, method.rows(job.arguments.keep), parts=method.parts)
        chosen = columns_of(chains.columns, names)
        return [chains.columns[index] for index in chosen], chains.values[:, :, chosen]
    columns, draws = read_parameters(job.path("source"), names)
    data = json.loads(job.path("data").read_text())
    what = unlike(job.arguments.parameters, data, columns, draws)
    if what is not None:
        raise _refusal(job, what)
    return columns, draws


def _with_prior(
    wanted: Quantities, job: Job[GenerateQuantities], variable: str, number: int, folder: Path
) -> Quantities:
    """Add the quantity at draws of the prior, evenly spaced, where there are such draws.

    That the program stops at one of them is said, and costs the fit nothing.
    """
    if "source" not in job.inputs:
        return wanted
    with open_draws(job.path("source"), "prior") as tree:
        if "prior" not in tree.children:
            return wanted
    names = {parameter.name for parameter in job.arguments.parameters}
    columns, draws = read_parameters(job.path("source"), names, "prior")
    flat = draws.reshape(-1, draws.shape[2])
    chosen = np.linspace(0, len(flat) - 1, min(number, len(flat))).round().astype(np.intp)
    at_prior = folder / "prior"
    at_prior.mkdir()
    try:
        made = list(_each_chain(job, columns, flat[np.newaxis, chosen], at_prior))
    except StepError as error:
        job.notes["prior"] = f"left out: {error.faults[0].what}"
        return replace(wanted, prior_because=error.faults[0].what)
    return replace(wanted, prior=Quantities.of(made).of_variable(variable).values[0])


def _refusal(job: Job[GenerateQuantities], what: str) -> StepError:
    return StepError(
        f"{job.arguments.program} does not take the draws: {what}",
        where=job.arguments.fit,
        todo="declare each parameter as the program does whose draws they are, in size and bounds",
    )


def _each_chain(
    job: Job[GenerateQuantities], columns: Sequence[str], draws: Floats, folder: Path
) -> Iterator[Chains]:
    """Yield what the program generates at the draws of each chain, transformed parameters first."""
    for number, chain in enumerate(draws, start=1):
        fitted, output = folder / f"fitted_{number}.csv", folder / f"quantities_{number}.csv"
        write_parameters(columns, chain, fitted)
        seed = seed_of(job.arguments.seed, "generated quantities", str(number))
        words = quantities_command(data=job.path("data"), draws=fitted, output=output, seed=seed)
        name, rows = f"the generated quantities of chain {number}", Rows(len(chain), footer=False)
        try:
            with ChainReport(job.log, name, words, output, rows=len(chain)) as report:
                _run(job, words, name, report)
        except ProgramFailedError as error:
            if "source" not in job.inputs:
                raise
            raise _refusal(job, f"of chain {number}, {_said(error)}") from error
        check_csv(output, rows, chain=name)
        append_messages(output, complaints(job.log))
        generated = read_chains([output], rows)
        if job.arguments.transformed:
            generated = _with_transformed(job, fitted, generated, columns, folder)
        yield generated


def _run(
    job: Job[GenerateQuantities],
    words: Sequence[str],
    name: str,
    report: ChainReport | None = None,
) -> dict[str, Any]:
    notes = run_program(
        [str(job.path("executable")), *words],
        job.log,
        chain=name,
        time_limit=job.arguments.time_limit,
        descriptor=job.descriptors["executable"],
        report=report,
    )
    job.notes.update({fact: text for fact, text in notes.items() if fact == "log"})
    return notes


def _said(error: ProgramFailedError) -> str:
    """Return the program's own last sentence: why a draw is none of its own."""
    lines = [line.strip() for line in error.faults[0].what.splitlines() if line.strip()]
    return lines[-1].removeprefix("Exception: ")


def _with_transformed(
    job: Job[GenerateQuantities],
    fitted: Path,
    generated: Chains,
    parameters: Sequence[str],
    folder: Path,
) -> Chains:
    """Put the transformed parameters before the quantities; not where CmdStan gives none of them.

    Its own method for generated quantities leaves them out.
    """
    try:
        points = evaluate(partial(_run, job), fitted, data=job.path("data"), folder=folder)
    except CannotEvaluateError as error:
        job.notes["transformed_parameters"] = f"left out: {error.faults[0].what}"
        return generated
    return generated.before(points.columns[len(parameters) :], points.values[:, len(parameters) :])

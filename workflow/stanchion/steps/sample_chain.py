"""Runs one job of a fit's method; imports nothing heavier than the standard library."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from stanchion.plan.arguments import SampleChain, Saving
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import Job
from stanchion.provenance.cache import Cache
from stanchion.stan.command import run_command
from stanchion.stan.console import append_messages, complaints
from stanchion.stan.process import check_csv, run_program
from stanchion.stan.progress import ChainReport
from stanchion.stan.states import ChainState, cut_csv, draws_in, open_state
from stanchion.system.folders import cache_root


def run(job: Job[SampleChain]) -> None:
    """Run the compiled program and check that its CSV holds every row.

    A chain that was killed goes on from its saved state, and one of the same family that is
    finished is extended, or cut: the rows are those of a chain that did it at once.

    Raises:
        ChainError: the program failed, or its output is not whole.
    """
    arguments, saving = job.arguments, job.arguments.saving
    with nullcontext() if saving is None else open_state(saving.family) as state:
        if saving is None or state is None:
            _sample(job, {})
        elif not _prepare(job, state, saving):
            _sample(job, state.environment(saving.seconds))
    check_csv(job.outputs["chain"], arguments.rows, chain=arguments.name)


def after(job: Job[SampleChain]) -> None:
    """Say of the saved state that its chain is done, once the chain is in the cache."""
    saving = job.arguments.saving
    if saving is not None and "cut_from" not in job.notes:  # else the longer one's state stays
        with open_state(saving.family) as state:
            if state is not None:
                state.finish(job.key, draws_in(job.arguments.command), keep=saving.keep)


def _sample(job: Job[SampleChain], saving: Mapping[str, str]) -> None:
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
    start = job.notes.get("resumed", {}).get("at_iteration", 0)
    with ChainReport(job.log, arguments.name, words, output, start=start) as report:
        notes = run_program(
            [str(job.path("executable")), *words],
            job.log,
            chain=arguments.name,
            time_limit=arguments.time_limit,
            descriptor=job.descriptors["executable"],
            saving=saving,
            report=report,
        )
    job.notes.update(notes)
    append_messages(output, complaints(job.log))


def _prepare(job: Job[SampleChain], state: ChainState, saving: Saving) -> bool:
    """Make the saved state one to go on from; True where a longer chain gave all rows already."""
    elsewhere = state.is_elsewhere(allowed=saving.elsewhere)
    finished = state.finished()
    draws, rows = draws_in(job.arguments.command), job.arguments.rows
    if finished is not None:
        chain = job.outputs["chain"].with_name("finished.csv")
        if not _fetch(finished.key, chain):
            state.clear()
        elif finished.draws > draws:
            if cut_csv(chain, job.outputs["chain"], draws, rows.before + rows.draws):
                job.notes["cut_from"] = {"key": finished.key, "draws": finished.draws}
                return True
        else:
            state.take_rows(chain)
    position = state.position()
    if position is not None:
        job.notes["resumed"] = {
            "at_iteration": position.iteration,
            "extends": None if finished is None else finished.key,
            "other_processor": elsewhere,
            "same_bytes": saving.exact and not elsewhere,
        }
    return False


def _fetch(key: str, target: Path) -> bool:
    """Take a finished chain from the cache; False where it is not there, or not whole."""
    entry = Cache(cache_root()).fetch(
        "sample_chain", key, {"chain": target}, STEPS["sample_chain"].version
    )
    return entry is not None

"""Runs one job of a fit's method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

from stanchion.plan.arguments import SampleChain, Saving, as_json
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import Job
from stanchion.plan.keys import family_of, key_of
from stanchion.provenance.cache import Cache
from stanchion.stan.command import run_command
from stanchion.stan.console import append_messages, complaints, started_anew
from stanchion.stan.process import check_csv, run_program
from stanchion.stan.progress import ChainReport
from stanchion.stan.states import (
    ChainState,
    Finished,
    cut_csv,
    draws_in,
    has_messages,
    iterations_in,
    open_state,
    with_draws,
)
from stanchion.system.folders import cache_root


def run(job: Job[SampleChain]) -> None:
    """Run the compiled program and check that its CSV holds every row.

    A chain that was killed goes on from its saved state, and one of the same family that is
    finished is extended, or cut: the rows are those of a chain that did it at once.

    Raises:
        ChainError: the program failed, or its output is not whole.
    """
    arguments, saving = job.arguments, job.arguments.saving
    with nullcontext() if saving is None else open_state(_family(job)) as state:
        if saving is None or state is None:
            _sample(job)
        else:
            _go_on(job, state, saving)
    check_csv(job.outputs["chain"], arguments.rows, chain=arguments.name)


def after(job: Job[SampleChain]) -> None:
    """Say of the saved state that its chain is done, once the chain is in the cache."""
    arguments, saving = job.arguments, job.arguments.saving
    if saving is not None and "cut_from" not in job.notes:  # else the longer one's state stays
        with open_state(_family(job)) as state:
            if state is not None:
                finished = Finished(job.key, draws_in(arguments.command), arguments.rows.draws)
                state.finish(finished, iterations_in(arguments.command), keep=saving.keep)


def _sample(
    job: Job[SampleChain],
    saving: Mapping[str, str] | None = None,
    before_start: Callable[[], None] | None = None,
) -> None:
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
            before_start=before_start,
            report=report,
        )
    job.notes.update(notes)
    append_messages(output, complaints(job.log))


def _go_on(job: Job[SampleChain], state: ChainState, saving: Saving) -> None:
    """Sample from the saved state on, or cut a longer chain, which gave all rows already."""
    elsewhere = state.is_elsewhere(allowed=saving.elsewhere)
    if elsewhere and not saving.elsewhere:
        elsewhere = False
        _start_anew(job, state, "is of a processor with other instructions")
    finished = state.finished()
    if finished is not None:
        chain = job.outputs["chain"].with_name("finished.csv")
        fault = _use(job, state, finished, chain)
        chain.unlink(missing_ok=True)
        if fault is not None:
            finished = None
            _start_anew(job, state, fault)
        elif finished.draws > draws_in(job.arguments.command):
            job.notes["cut_from"] = {"key": finished.key, "draws": finished.draws}
            return
    facts = {
        "extends": None if finished is None else finished.key,
        "other_processor": elsewhere,
        "same_bytes": saving.exact and not elsewhere,
    }
    note = partial(_note_position, job, state, facts)
    note()
    _sample(job, state.environment(saving.seconds), note)
    if sentence := started_anew(job.log):
        job.notes.pop("resumed", None)
        job.notes["started_anew"] = sentence


def _use(job: Job[SampleChain], state: ChainState, finished: Finished, chain: Path) -> str | None:
    """Cut a finished chain, or have it extended; return in words why neither can be done, if so."""
    draws, rows = draws_in(job.arguments.command), job.arguments.rows
    if finished.key != _key(job, finished):
        return "is of another chain"
    if not _fetch(finished.key, chain):
        return "is of a chain that is not in the cache, or not whole there"
    if has_messages(chain):  # of draws that are not these, or of the first of them only
        return "is of a chain with failed generated quantities"
    if not state.has_rows_of(chain):
        return "is not of the rows that its chain has in the cache"
    if finished.draws > draws:
        is_cut = cut_csv(chain, job.outputs["chain"], draws, rows.before + rows.draws)
        return None if is_cut else "says more draws than its chain has"
    return None if state.take_rows(chain) else "has no room for its rows"


def _start_anew(job: Job[SampleChain], state: ChainState, fault: str) -> None:
    """Let a state go that is of no use, and say so in the log and the record."""
    state.clear()
    sentence = f"The saved state {fault}: the chain starts anew."
    job.notes["started_anew"] = sentence
    with suppress(OSError), job.log.open("a", encoding="utf-8") as log:
        log.write(f"{sentence}\n")


def _note_position(job: Job[SampleChain], state: ChainState, facts: Mapping[str, Any]) -> None:
    """Note where the program goes on that is about to be started."""
    position = state.position()
    if position is not None:
        job.notes["resumed"] = {"at_iteration": position.iteration, **facts}


def _family(job: Job[SampleChain]) -> str:
    """Return whose state the job's is."""
    keyed, _ = as_json(job.arguments)
    return family_of(job.made_of, keyed, job.arguments.threads)


def _key(job: Job[SampleChain], finished: Finished) -> str:
    """Return the key of this chain with the number of draws of a finished one."""
    keyed, _ = as_json(job.arguments)
    return key_of({**job.made_of, "arguments": with_draws(keyed, finished.draws, finished.rows)})


def _fetch(key: str, target: Path) -> bool:
    """Take a finished chain from the cache; False where it is not there, or not whole."""
    entry = Cache(cache_root()).fetch(
        "sample_chain", key, {"chain": target}, STEPS["sample_chain"].version
    )
    return entry is not None

"""One run of a compiled program: from nothing, from its saved state, or cut from a longer one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from stanchion.errors import ChainError
from stanchion.plan.argument_json import as_json
from stanchion.plan.arguments import SampleChain, Saving
from stanchion.plan.catalogue import STEPS
from stanchion.plan.keys import family_of, key_of
from stanchion.provenance.cache import Cache
from stanchion.stan.command import PATHFINDER, RunFiles, run_command
from stanchion.stan.console import append_messages, complaints, not_saved, started_anew
from stanchion.stan.gradients import append_gradients, path_gradients
from stanchion.stan.process import ProgramFailedError, check_csv, run_program
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

STEP = "sample_chain"
_NO_STATE = (
    "The chain's state cannot be saved: the cache cannot be written, or another run samples the "
    "same chain; sampling goes on without."
)


@dataclass(frozen=True)
class Chain:
    """One run of a compiled program, which leaves a Stan CSV; `notes` end up in the record.

    `made_of` is what its key is made of beside the arguments.
    """

    arguments: SampleChain
    made_of: Mapping[str, Any]
    files: RunFiles
    executable: Path
    descriptor: int
    output: Path
    log: Path
    notes: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        """The key of its result."""
        return key_of({**self.made_of, "arguments": self._keyed})

    @cached_property
    def family(self) -> str:
        """Whose saved state is its."""
        return family_of(self.made_of, self._keyed, self.arguments.threads)

    @cached_property
    def _keyed(self) -> dict[str, Any]:
        return as_json(self.arguments)[0]

    def key_with(self, finished: Finished) -> str:
        """Return its key with the number of draws of a finished one."""
        longer = with_draws(self._keyed, finished.draws, finished.rows)
        return key_of({**self.made_of, "arguments": longer})


def sample(chain: Chain) -> None:
    """Run the compiled program and check that its CSV holds every row.

    A chain that was killed goes on from its saved state, and one of the same family that is
    finished is extended, or cut: the rows are those of a chain that did it at once.

    Raises:
        ChainError: the program failed, or its output is not whole.
    """
    arguments, saving = chain.arguments, chain.arguments.saving
    with nullcontext() if saving is None else open_state(chain.family) as state:
        if saving is not None and state is not None:
            _go_on(chain, state, saving)
        else:
            if saving is not None:
                _say(chain, "not_saved", _NO_STATE)
            _run(chain)
    check_csv(chain.output, arguments.rows, chain=arguments.name, parts=arguments.parts)


def finish(chain: Chain) -> None:
    """Say of the saved state that its chain is done, once the chain is in the cache."""
    arguments, saving = chain.arguments, chain.arguments.saving
    if saving is not None and "cut_from" not in chain.notes:  # else the longer one's state stays
        with open_state(chain.family) as state:
            if state is not None:
                finished = Finished(chain.key, draws_in(arguments.command), arguments.rows.draws)
                state.finish(finished, iterations_in(arguments.command), keep=saving.keep)


def can_be_cut(chain: Chain) -> bool:
    """Tell whether shorter chains of its family are had from it without sampling."""
    if chain.arguments.saving is None or has_messages(chain.output):
        return False
    with open_state(chain.family) as state:
        finished = None if state is None else state.finished()
        return finished is not None and finished.key == chain.key


def _run(
    chain: Chain,
    saving: Mapping[str, str] | None = None,
    before_start: Callable[[], None] | None = None,
) -> None:
    arguments, output = chain.arguments, chain.output
    words = run_command(
        arguments.command,
        files=chain.files,
        output=output,
        chain=arguments.chain,
        seed=arguments.seed,
        start=arguments.start,
        threads=arguments.threads,
    )
    chain.notes["command"] = words
    start = chain.notes.get("resumed", {}).get("at_iteration", 0)
    with ChainReport(chain.log, arguments.name, words, output, start=start) as report:
        notes = run_program(
            [str(chain.executable), *words],
            chain.log,
            chain=arguments.name,
            time_limit=arguments.time_limit,
            descriptor=chain.descriptor,
            saving=saving,
            before_start=before_start,
            report=report,
        )
    chain.notes.update(notes)
    append_messages(output, complaints(chain.log))
    if arguments.command[0] == PATHFINDER:
        append_gradients(output, path_gradients(chain.log))


def _go_on(chain: Chain, state: ChainState, saving: Saving) -> None:
    """Sample from the saved state on, or cut a longer chain, which gave all rows already."""
    elsewhere = state.is_elsewhere(allowed=saving.elsewhere)
    if elsewhere and not saving.elsewhere:
        elsewhere = False
        _start_anew(chain, state, "is of a processor with other instructions")
    finished = state.finished()
    if finished is not None:
        done = chain.output.with_name("finished.csv")
        fault = _use(chain, state, finished, done)
        done.unlink(missing_ok=True)
        if fault is not None:
            finished = None
            _start_anew(chain, state, fault)
        elif finished.draws > draws_in(chain.arguments.command):
            chain.notes["cut_from"] = {"key": finished.key, "draws": finished.draws}
            return
    facts = {
        "extends": None if finished is None else finished.key,
        "other_processor": elsewhere,
        "same_bytes": saving.exact and not elsewhere,
    }
    note = partial(_note_position, chain, state, facts)
    note()
    try:
        _run(chain, state.environment(saving.seconds), note)
    except ProgramFailedError:
        raise
    except ChainError as error:
        raise _with_position(error, state, chain.log) from error
    if sentence := started_anew(chain.log):
        chain.notes.pop("resumed", None)
        chain.notes["started_anew"] = sentence
    if sentence := not_saved(chain.log):
        chain.notes["not_saved"] = sentence


def _with_position(error: ChainError, state: ChainState, log: Path) -> ChainError:
    """Return the error of a chain that was ended, with where the next run goes on, if it does.

    A state that its program could not use lies there until it saves another.
    """
    (fault,), position = error.faults, state.position()
    if position is None or position.iteration == 0 or started_anew(log) is not None:
        return error
    begins = f"goes on from iteration {position.iteration}"
    todo = f"{fault.todo}; the next run {begins}" if fault.todo else f"run again: it {begins}"
    return ChainError(replace(fault, todo=todo))


def _use(chain: Chain, state: ChainState, finished: Finished, done: Path) -> str | None:
    """Cut a finished chain, or have it extended; return in words why neither can be done, if so."""
    draws, rows = draws_in(chain.arguments.command), chain.arguments.rows
    if finished.key != chain.key_with(finished):
        return "is of another chain"
    if not _fetch(finished.key, done):
        return "is of a chain that is not in the cache, or not whole there"
    if not state.has_rows_of(done):
        return "is not of the rows that its chain has in the cache"
    if finished.draws > draws:
        if has_messages(done):
            return "is of a longer chain with messages, which may be of the draws to be left out"
        is_cut = cut_csv(done, chain.output, draws, rows.before + rows.draws)
        return None if is_cut else "says more draws than its chain has"
    return None if state.take_rows(done) else "has no room for its rows"


def _start_anew(chain: Chain, state: ChainState, fault: str) -> None:
    """Let a state go that is of no use, and say so in the log and the record."""
    state.begin_anew()
    _say(chain, "started_anew", f"The saved state {fault}: the chain starts anew.")


def _say(chain: Chain, fact: str, sentence: str) -> None:
    """Say something of the chain's state in its log and its record."""
    chain.notes[fact] = sentence
    with suppress(OSError), chain.log.open("a", encoding="utf-8") as log:
        log.write(f"{sentence}\n")


def _note_position(chain: Chain, state: ChainState, facts: Mapping[str, Any]) -> None:
    """Note where the program goes on that is about to be started."""
    position = state.position()
    if position is not None:
        chain.notes["resumed"] = {"at_iteration": position.iteration, **facts}


def _fetch(key: str, target: Path) -> bool:
    """Take a finished chain from the cache; False where it is not there, or not whole."""
    return Cache(cache_root()).fetch(STEP, key, {"chain": target}, STEPS[STEP].version) is not None

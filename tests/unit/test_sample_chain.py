"""A chain's step decides what it goes on from, and its record says so; the program is a script."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from stanchion.errors import ChainError
from stanchion.plan.argument_json import as_json
from stanchion.plan.arguments import SampleChain, Saving
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import Job
from stanchion.plan.keys import key_of
from stanchion.provenance.cache import Cache
from stanchion.stan import states
from stanchion.stan.rows import Rows
from stanchion.stan.states import FOLDER, STATE, iterations_in
from stanchion.steps import sample_chain
from stanchion.system.hashes import file_hash
from tests.unit.test_states import write_state

WARMUP = 3
VERSION = STEPS["sample_chain"].version
MADE_OF = {"step": "sample_chain", "version": VERSION, "content": {}, "upstream": ["d", "p"]}
PROGRAM = """\
#!/bin/sh
for word; do
  case $word in
    file=*.csv) output=${word#file=} ;;
    num_samples=*) draws=${word#num_samples=} ;;
    seed=*) seed=${word#seed=} ;;
  esac
done
%s
{
  printf '#     num_samples = %%s\\nlp__,mu\\n' "$draws"
  for row in $(seq "$draws"); do echo "$seed.5,$row"; done
  echo '#  0.3 seconds (Total)'
} > "$output"
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data.json").write_text("{}")
    return tmp_path / "cache"


@contextmanager
def job(
    folder: Path, draws: int = 6, *, seed: int = 1, before: str = "", **changes: object
) -> Iterator[Job[SampleChain]]:
    """A job whose program writes rows of its seed, after some commands of a shell."""
    program = folder / "program"
    program.write_text(PROGRAM % before)
    program.chmod(0o755)
    arguments = SampleChain(
        command=("method=sample", f"num_samples={draws}", f"num_warmup={WARMUP}"),
        rows=Rows(draws),
        start=None,
        seed=seed,
        chain=1,
        threads=1,
        name="chain 1",
        method="nuts",
        time_limit=None,
        saving=Saving(seconds=60, keep=True, elsewhere=False, exact=True),
    )
    arguments = replace(arguments, **changes)  # type: ignore[arg-type]
    output = folder / f"staged-{draws}-{seed}/chain_1.csv"
    output.parent.mkdir(exist_ok=True)
    descriptor = os.open(program, os.O_RDONLY)
    try:
        yield Job(
            step="sample_chain",
            key=key_of({**MADE_OF, "arguments": as_json(arguments)[0]}),
            arguments=arguments,
            inputs={"data": folder / "data.json", "executable": program},
            outputs={"chain": output},
            log=folder / "log",
            descriptors={"executable": descriptor},
            made_of=MADE_OF,
        )
    finally:
        os.close(descriptor)


def state_of(cache: Path) -> Path:
    (folder,) = (cache / FOLDER).glob("*/*")
    return folder


def finish(made: Job[SampleChain], cache: Path) -> None:
    """Run a job, and leave what a real one leaves: its chain and its last state in the cache."""
    (cache.parent / "log").unlink(missing_ok=True)
    leave = cache.parent / "leave"
    command = made.arguments.command
    write_state(leave, f"1.5,1\n{'1.5,2'}\n", iterations_in(command))
    sample_chain.run(made)
    chain = made.outputs["chain"]
    Cache(cache).store(
        "sample_chain", made.key, made.outputs, {}, VERSION, {"chain": file_hash(chain)}
    )
    sample_chain.after(made)


def leaving(tmp_path: Path) -> str:
    return f'cp {tmp_path}/leave/state "$STANCHION_CHECKPOINT/state"'


def rows(made: Job[SampleChain]) -> list[str]:
    lines = made.outputs["chain"].read_text().splitlines()
    return [line for line in lines if not line.startswith("#")][1:]


def test_fewer_draws_are_cut_from_a_finished_chain(tmp_path: Path, cache: Path) -> None:
    """The chain of this very key but for its draws is cut, without a start of the program."""
    with job(tmp_path, 9, before=leaving(tmp_path)) as longer:
        finish(longer, cache)
    with job(tmp_path, 6, before="exit 1") as made:
        sample_chain.run(made)
        assert made.notes == {"cut_from": {"key": longer.key, "draws": 9}}
        assert rows(made) == rows(longer)[:6]


@pytest.mark.parametrize("draws", [6, 12])
def test_a_finished_chain_of_another_key_is_not_used(
    tmp_path: Path, cache: Path, draws: int
) -> None:
    """Where a state's folder names a chain that is not its own, the chain starts anew."""
    with job(tmp_path, 9, before=leaving(tmp_path)) as longer:
        finish(longer, cache)
    with job(tmp_path, 9, seed=2, before=leaving(tmp_path)) as other:
        finish(other, cache)
    for finished in (cache / FOLDER).glob("*/*/finished.json"):
        text = finished.read_text()
        finished.write_text(text.replace(other.key, longer.key))
    with job(tmp_path, draws, seed=2) as made:
        sample_chain.run(made)
        assert set(rows(made)) == {f"2.5,{row}" for row in range(1, draws + 1)}
        assert "cut_from" not in made.notes and "resumed" not in made.notes


@pytest.mark.parametrize("draws", [6, 12])
@pytest.mark.parametrize("row", ["1.5,1\n", "1.5,2\n"])
@pytest.mark.parametrize("described", [False, True])
def test_a_finished_chain_with_a_changed_byte_is_not_used(
    tmp_path: Path, cache: Path, draws: int, row: str, described: bool
) -> None:
    """Rows that are not those of the state are neither cut nor extended: the chain starts anew.

    Nor where the cache describes the changed bytes as its own.
    """
    with job(tmp_path, 9, before=leaving(tmp_path)) as longer:
        finish(longer, cache)
    (entry,) = (cache / "steps/sample_chain").glob("*/*")
    before = file_hash(entry / "chain")
    (entry / "chain").write_text((entry / "chain").read_text().replace(row, "1.5,7\n", 1))
    if described:
        text = (entry / "entry.json").read_text()
        (entry / "entry.json").write_text(text.replace(before, file_hash(entry / "chain")))
    with job(tmp_path, draws) as made:
        sample_chain.run(made)
        assert rows(made) == [f"1.5,{row}" for row in range(1, draws + 1)]
        assert "cut_from" not in made.notes and "resumed" not in made.notes
        sentence = made.notes["started_anew"]
    assert sentence.startswith("The saved state ")
    assert sentence.endswith(": the chain starts anew.")
    assert sentence in (tmp_path / "log").read_text().splitlines()
    with job(tmp_path, draws) as made:
        sample_chain.run(made)
        assert "started_anew" not in made.notes


def test_messages_are_those_of_a_chains_own_draws(tmp_path: Path, cache: Path) -> None:
    """A chain of which the sampler had to say something is extended, but not cut.

    What it said stands in draws.nc, which follows from the key, with how often; and it does not say
    of which draws.
    """
    speak = f"{leaving(tmp_path)}; echo 'Exception: normal_rng: Scale parameter is 0'"
    with job(tmp_path, 9, before=speak) as longer:
        finish(longer, cache)
        assert "# Message: once" in longer.outputs["chain"].read_text()
    with job(tmp_path, 12, before="exit 1") as made, pytest.raises(ChainError):
        sample_chain.run(made)
    assert made.notes["resumed"]["extends"] == longer.key
    with job(tmp_path, 9, before=speak) as longer:
        finish(longer, cache)
    with job(tmp_path, 6) as made:
        sample_chain.run(made)
        assert "cut_from" not in made.notes and "resumed" not in made.notes
        assert "a longer chain with messages" in made.notes["started_anew"]


def test_a_state_that_was_of_no_use_is_not_said_to_be_used(tmp_path: Path, cache: Path) -> None:
    """Where the program says that it starts anew, the record does not say that it went on."""
    with job(tmp_path, before=f"{leaving(tmp_path)}; kill -9 $$") as killed:
        write_state(tmp_path / "leave", "", 5)
        with pytest.raises(Exception, match="SIGKILL"):
            sample_chain.run(killed)
    with job(tmp_path) as made:
        sample_chain.run(made)
        assert made.notes["resumed"]["at_iteration"] == 5
    words = "echo 'The saved state is damaged: the chain starts anew.'"
    with job(tmp_path, before=words) as made:
        sample_chain.run(made)
        assert "resumed" not in made.notes
        assert made.notes["started_anew"] == "The saved state is damaged: the chain starts anew."


@pytest.mark.parametrize(
    ("end", "time_limit", "todo"),
    [
        ("kill -9 $$", None, "run again: it goes on from iteration 5"),
        ("exec sleep 60", "1s", "what makes it slow; the next run goes on from iteration 5"),
    ],
)
def test_a_chain_that_was_ended_says_where_it_goes_on(
    tmp_path: Path, cache: Path, end: str, time_limit: str | None, todo: str
) -> None:
    """Killed, or ended by its time limit, it names the iteration that the next run begins with.

    One without a state names none, nor one whose state was of no use, or is of no iteration, nor
    one that has failed and would again.
    """
    write_state(tmp_path / "leave", "", 5)
    before = f"{leaving(tmp_path)}; {end}"
    with (
        job(tmp_path, before=before, time_limit=time_limit) as made,
        pytest.raises(ChainError) as ended,
    ):
        sample_chain.run(made)
    assert str(ended.value).endswith(todo)
    anew = f"{leaving(tmp_path)}; echo 'The saved state is damaged: the chain starts anew.'; {end}"
    for changes in (
        {"before": f"{leaving(tmp_path)}; exit 1"},
        {"before": end, "saving": None},
        {"before": anew},
    ):
        with (
            job(tmp_path, seed=2, time_limit=time_limit, **changes) as made,
            pytest.raises(ChainError) as ended,
        ):
            sample_chain.run(made)
        assert "iteration" not in str(ended.value)
    write_state(tmp_path / "leave", "", 0)
    with (
        job(tmp_path, seed=3, before=before, time_limit=time_limit) as made,
        pytest.raises(ChainError) as ended,
    ):
        sample_chain.run(made)
    assert "iteration" not in str(ended.value)


def test_a_state_that_cannot_be_saved_is_said(tmp_path: Path, cache: Path) -> None:
    """Where the driver had no room for it, or there is no place for it, the record says so."""
    words = 'The chain\'s state cannot be saved in "states": No space left on device; ' + (
        "sampling goes on without."
    )
    (tmp_path / "words").write_text(f"{words}\n")
    with job(tmp_path, before=f"cat {tmp_path}/words") as made:
        sample_chain.run(made)
        assert made.notes["not_saved"] == words
    shutil.rmtree(cache, ignore_errors=True)
    cache.write_text("a file is in the way")
    with job(tmp_path) as made:
        sample_chain.run(made)
        assert made.notes["not_saved"].startswith("The chain's state cannot be saved: the cache ")
        assert made.notes["not_saved"] in (tmp_path / "log").read_text().splitlines()
    with job(tmp_path, saving=None) as made:
        sample_chain.run(made)
        assert "not_saved" not in made.notes


def test_a_state_of_another_processor_is_said(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state that goes since it was saved with other instructions is one sentence."""
    write_state(tmp_path / "leave", "", 5)
    with job(tmp_path, before=leaving(tmp_path)) as made:
        sample_chain.run(made)
        assert "started_anew" not in made.notes
    monkeypatch.setattr(states, "processor", lambda: "another")
    once = (
        f"test -e {tmp_path}/once || {{ touch {tmp_path}/once; {leaving(tmp_path)}; kill -9 $$; }}"
    )
    with job(tmp_path, before=once) as made:
        sample_chain.run(made)
        assert "processor with other instructions" in made.notes["started_anew"]
        assert made.notes["resumed"]["other_processor"] is False


@pytest.mark.parametrize("fault", ["pruned", "elsewhere"])
def test_a_chain_that_started_anew_is_extended_again(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Its state is this processor's, whatever became of the one before."""
    with job(tmp_path, 6, before=leaving(tmp_path)) as made:
        finish(made, cache)
    if fault == "pruned":
        shutil.rmtree(cache / "steps/sample_chain")
    else:
        monkeypatch.setattr(states, "processor", lambda: "another")
    with job(tmp_path, 9, before=leaving(tmp_path)) as anew:
        finish(anew, cache)
        assert "started_anew" in anew.notes
    with job(tmp_path, 12, before=leaving(tmp_path)) as extended:
        finish(extended, cache)
        assert "started_anew" not in extended.notes
        assert extended.notes["resumed"]["extends"] == anew.key


def test_a_second_start_in_one_step_is_noted(tmp_path: Path, cache: Path) -> None:
    """A program that is killed and goes on in the same step has gone on, says the record."""
    write_state(tmp_path / "leave", "", 5)
    kill = (
        f"test -e {tmp_path}/once || {{ touch {tmp_path}/once; {leaving(tmp_path)}; kill -9 $$; }}"
    )
    saving = Saving(seconds=60, keep=True, elsewhere=False, exact=False)
    with job(tmp_path, before=kill, saving=saving) as made:
        sample_chain.run(made)
        assert made.notes["starts"] == 2
        assert made.notes["resumed"] == {
            "at_iteration": 5,
            "extends": None,
            "other_processor": False,
            "same_bytes": False,
        }


def test_the_state_of_another_version_or_threads_is_another(tmp_path: Path, cache: Path) -> None:
    """Whose state it is follows from all of the key but the draws, and from the threads."""
    write_state(tmp_path / "leave", "", 5)
    for number, changes in enumerate(({}, {"threads": 2}, {"start": 0.5})):
        with job(tmp_path, before=leaving(tmp_path), **changes) as made:
            sample_chain.run(made)
        assert len(list((cache / FOLDER).glob(f"*/*/{STATE}"))) == number + 1
    with job(tmp_path, before=leaving(tmp_path)) as made:
        sample_chain.run(replace(made, made_of={**MADE_OF, "version": VERSION + 1}))
    assert len(list((cache / FOLDER).glob(f"*/*/{STATE}"))) == 4
    with job(tmp_path, 60, before=leaving(tmp_path)) as made:
        sample_chain.run(made)
    assert len(list((cache / FOLDER).glob(f"*/*/{STATE}"))) == 4

"""The driver saves a chain's state, and goes on from it with the bytes of an undisturbed chain."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from stanchion.stan.compiling import compile_program
from stanchion.stan.console import complaints
from stanchion.stan.states import MESSAGES, ROWS, STATE, ChainState
from tests.stan.toolchains import toolchain_for_tests

pytestmark = pytest.mark.stan

PROGRAM = """\
// A hierarchical model whose generated quantities draw random numbers of several kinds, or fail.
data {
  int<lower=0> J;
  vector[J] y;
  vector<lower=0>[J] sigma;
}
parameters {
  real mu;
  real<lower=0> tau;
  vector[J] theta;
}
model {
  mu ~ normal(0, 5);
  tau ~ cauchy(0, 5);
  theta ~ normal(mu, tau);
  y ~ normal(theta, sigma);
}
generated quantities {
  if (mu < 0) {
    reject("mu is ", mu);
  }
  int which = categorical_rng(softmax(theta));
  real scale = gamma_rng(2, 1 / (1 + tau));
  array[J] real y_rep = normal_rng(theta, sigma);
}
"""
DATA = {
    "J": 8,
    "y": [28, 8, -3, 7, -1, 1, 18, 12],
    "sigma": [15, 10, 16, 11, 9, 11, 10, 18],
}
WARMUP, DRAWS = 200, 150
EACH_ITERATION = 1e-9
ITERATIONS = f"num_warmup={WARMUP} num_samples={DRAWS}"
WINDOWS = (75, 100, 150, WARMUP, WARMUP + 1)
"""Ends of the adaptation's windows of 200 iterations, the end of warm-up, the first draw."""
STATIC = "algorithm=hmc engine=static int_time=2"


@dataclass(frozen=True)
class Chain:
    """A compiled program in a folder, and one command line of it."""

    folder: Path
    program: Path
    words: tuple[str, ...]
    name: str = "state"

    @property
    def output(self) -> Path:
        return self.folder / "chain.csv"

    @property
    def state(self) -> ChainState:
        return ChainState(self.folder / self.name)

    @property
    def printed(self) -> Path:
        return self.folder / "printed"

    def start(
        self, seconds: float | None, *, stdout: int | IO[str] = subprocess.PIPE, refresh: int = 0
    ) -> subprocess.Popen[str]:
        saving = {} if seconds is None else self.state.environment(seconds)
        data = ["data", "file=data.json", "random", "seed=7"]
        output = ["output", f"file={self.output}", "sig_figs=17", f"refresh={refresh}"]
        return subprocess.Popen(
            [str(self.program), *self.words, *data, *output],
            cwd=self.folder,
            env={**os.environ, **saving},
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, seconds: float | None = 1000) -> str:
        """Run to the end, and return what was printed."""
        process = self.start(seconds)
        text = process.communicate(timeout=120)[0]
        assert process.returncode == 0, text
        return text

    def stop_at(self, iteration: int, number: signal.Signals = signal.SIGKILL) -> int:
        """Run with a state after each iteration until one of so many is there; return it."""
        with self.printed.open("w") as printed:
            process = self.start(EACH_ITERATION, stdout=printed, refresh=1)
        while process.poll() is None and self.saved() < iteration:
            time.sleep(0.0002)
        process.send_signal(number)
        process.wait()
        return self.saved()

    def begun(self) -> int:
        """Return the last iteration that was begun before the chain was stopped."""
        return int(re.findall(r"Iteration: +(\d+) /", self.printed.read_text())[-1])

    def saved(self) -> int:
        position = self.state.position()
        return -1 if position is None else position.iteration

    def rows(self) -> list[bytes]:
        lines = self.output.read_bytes().splitlines()
        return [line for line in lines if line and not line.startswith(b"#")]

    def adaptation(self) -> list[bytes]:
        """Return the comments below the names: step size and inverse metric, but no times."""
        lines = self.output.read_bytes().splitlines()
        names = next(number for number, line in enumerate(lines) if not line.startswith(b"#"))
        return [x for x in lines[names:] if x.startswith(b"#") and b"seconds" not in x]


def messages(folder: Path, output: str) -> list[str]:
    """Return what the step would keep of the failures of generated quantities."""
    log = folder / "log"
    log.write_text(f"$ program\n{output}")
    return complaints(log)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    toolchain = toolchain_for_tests()
    if toolchain.origin != "wheel":
        pytest.skip("states are saved by Stanchion's own driver, and another CmdStan is in use")
    folder = tmp_path_factory.mktemp("checkpoint")
    (folder / "schools.stan").write_text(PROGRAM)
    target = folder / "schools"
    compile_program(
        folder / "schools.stan",
        target,
        toolchain,
        stanc_options={},
        cpp_options={},
        threads=False,
    )
    return target


def chain(folder: Path, program: Path, words: str) -> Chain:
    folder.mkdir(exist_ok=True)
    (folder / "data.json").write_text(json.dumps(DATA))
    return Chain(folder, program, tuple(f"sample {words}".split()))


def random_iterations(seed: int, count: int, most: int = WARMUP + DRAWS) -> list[int]:
    return np.random.default_rng(seed).integers(1, most, size=count).tolist()


METHODS: Sequence[tuple[str, list[int]]] = [
    (f"{ITERATIONS} algorithm=hmc metric=diag_e", [*WINDOWS, *range(1, 18), 140]),
    (f"{ITERATIONS} algorithm=hmc metric=dense_e", [*WINDOWS, *random_iterations(2, 22)]),
    (f"{ITERATIONS} algorithm=hmc metric=unit_e", [*WINDOWS, *random_iterations(3, 22)]),
    (
        f"{ITERATIONS} save_warmup=1 thin=7 algorithm=hmc stepsize_jitter=0.5",
        random_iterations(4, 8),
    ),
    (f"{ITERATIONS} {STATIC} metric=diag_e", random_iterations(5, 8)),
    (f"{ITERATIONS} {STATIC} metric=dense_e", random_iterations(6, 8)),
    (f"{ITERATIONS} {STATIC} metric=unit_e", random_iterations(7, 8)),
    (
        f"num_warmup=0 num_samples={DRAWS} adapt engaged=0 algorithm=hmc stepsize=0.1",
        random_iterations(8, 8, DRAWS),
    ),
    (f"num_samples={DRAWS} algorithm=fixed_param", random_iterations(9, 8, DRAWS)),
]


@pytest.mark.parametrize(("words", "iterations"), METHODS, ids=[words for words, _ in METHODS])
def test_a_killed_chain_goes_on_byte_for_byte(
    tmp_path: Path, program: Path, words: str, iterations: list[int]
) -> None:
    """Killed at many moments, in warm-up and after, a chain ends with the undisturbed bytes.

    So do the messages of generated quantities that failed, and how often they were said. Less than
    one interval is lost, which is an iteration here.
    """
    undisturbed = chain(tmp_path / "undisturbed", program, words)
    said = messages(tmp_path, undisturbed.finish(None))
    assert "fixed_param" in words or ("times: " in said[0] and "mu is -" in said[0])
    for number, iteration in enumerate(iterations):
        killed = chain(tmp_path / f"{number}", program, words)
        stopped = killed.stop_at(iteration, signal.SIGTERM if number % 4 == 3 else signal.SIGKILL)
        assert stopped >= max(iteration, killed.begun() - 1)
        output = killed.finish()
        assert "starts anew" not in output
        assert messages(tmp_path, output) == said, stopped
        assert killed.rows() == undisturbed.rows(), stopped
        assert killed.adaptation() == undisturbed.adaptation(), stopped


def test_a_chain_killed_again_and_again_arrives(tmp_path: Path, program: Path) -> None:
    """A chain that is killed after every 25 iterations ends with an undisturbed one's bytes."""
    undisturbed = chain(tmp_path / "undisturbed", program, ITERATIONS)
    undisturbed.finish(None)
    killed = chain(tmp_path / "killed", program, ITERATIONS)
    stopped = [killed.stop_at(iteration) for iteration in range(25, WARMUP + DRAWS, 25)]
    assert stopped == sorted(stopped) and len(set(stopped)) > 5
    killed.finish()
    assert killed.rows() == undisturbed.rows()


@pytest.mark.parametrize("before", [0, 60, 260])
def test_a_kill_while_a_state_is_written_leaves_the_one_before(
    tmp_path: Path, program: Path, before: int
) -> None:
    """Killed with its rows written and its state half, a chain goes on from the last one, if any.

    The driver waits for ever where it is to write the state, since that is a pipe nobody reads.
    """
    undisturbed = chain(tmp_path / "undisturbed", program, ITERATIONS)
    undisturbed.finish(None)
    killed = chain(tmp_path / "killed", program, ITERATIONS)
    stopped = killed.stop_at(before) if before else -1
    draft = killed.state.folder / f"{STATE}.part"
    draft.parent.mkdir(exist_ok=True)
    draft.unlink(missing_ok=True)
    os.mkfifo(draft)
    with killed.printed.open("w") as printed:
        process = killed.start(EACH_ITERATION, stdout=printed, refresh=1)
    end = time.monotonic() + 60
    while "Iteration" not in killed.printed.read_text() or not is_asleep(process.pid):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert (killed.begun(), killed.saved()) == (max(stopped, 0) + 1, stopped)
    draft.unlink()
    draft.write_bytes(b"stanchion chain 3\n")
    assert "starts anew" not in killed.finish()
    assert killed.rows() == undisturbed.rows()


def is_asleep(process: int) -> bool:
    """Tell whether a process waits for something, but not for a disk."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def test_a_signal_saves_the_state(tmp_path: Path, program: Path) -> None:
    """SIGTERM writes a state though none was due, and the process ends by that signal."""
    long = chain(tmp_path / "long", program, f"num_warmup={WARMUP} num_samples=1000000")
    process = long.start(1000, stdout=subprocess.DEVNULL)
    while not any(path.stat().st_size > 100_000 for path in long.folder.glob("chain.csv.tmp.*")):
        time.sleep(0.01)
    process.terminate()
    assert process.wait(timeout=20) == -signal.SIGTERM
    assert long.saved() > WARMUP
    assert list(long.folder.glob("chain.csv*")) == []


def test_more_draws_follow_a_finished_chain(tmp_path: Path, program: Path) -> None:
    """A chain goes on from its last state for more draws: the bytes of one that did all at once."""
    words = "num_warmup=200 num_samples={} thin=3"
    whole = chain(tmp_path / "whole", program, words.format(400))
    said = messages(tmp_path, whole.finish(None))
    for draws in range(100, 118):
        first = chain(tmp_path / f"{draws}", program, words.format(draws))
        first.finish()
        more = chain(tmp_path / f"{draws}", program, words.format(400))
        assert messages(tmp_path, more.finish()) == said, draws
        assert more.rows() == whole.rows(), draws


def spoil(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def saved_size(folder: Path) -> int:
    position = ChainState(folder).position()
    assert position is not None
    return position.size


SPOILED = {
    "cut off": (lambda state: os.truncate(state / STATE, 400), "damaged"),
    "a bit": (lambda state: spoil(state / STATE, -9), "damaged"),
    "another version": (lambda state: spoil(state / STATE, 16), "not one of this driver"),
    "rows": (lambda state: os.truncate(state / ROWS, 10), "more rows than were saved"),
    "no rows": (lambda state: (state / ROWS).unlink(), "more rows than were saved"),
    "a bit of the rows": (
        lambda state: spoil(state / ROWS, saved_size(state) // 2),
        "rows are damaged",
    ),
    "the messages": (lambda state: spoil(state / MESSAGES, -9), "rows are damaged"),
    "the rows' last bit": (lambda state: spoil(state / ROWS, saved_size(state) - 2), "rows are"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_state_is_not_used(tmp_path: Path, program: Path, name: str) -> None:
    """A state that is not whole, or of another version, is one sentence: the chain starts anew."""
    undisturbed = chain(tmp_path / "undisturbed", program, ITERATIONS)
    undisturbed.finish(None)
    killed = chain(tmp_path / "killed", program, ITERATIONS)
    killed.stop_at(260)
    change, words = SPOILED[name]
    change(killed.state.folder)
    output = killed.finish()
    assert words in output and "starts anew" in output
    assert killed.rows() == undisturbed.rows()


@pytest.mark.parametrize("name", ["a bit of the rows", "the rows' last bit", "rows"])
def test_a_finished_chain_whose_rows_are_spoiled_is_not_extended(
    tmp_path: Path, program: Path, name: str
) -> None:
    """More draws do not follow rows that are not those of the state: the chain starts anew."""
    whole = chain(tmp_path / "whole", program, f"num_warmup={WARMUP} num_samples=400")
    whole.finish(None)
    chain(tmp_path / "more", program, ITERATIONS).finish()
    more = replace(whole, folder=tmp_path / "more")
    change, words = SPOILED[name]
    change(more.state.folder)
    output = more.finish()
    assert words in output and "starts anew" in output
    assert more.rows() == whole.rows()
    assert more.adaptation() == whole.adaptation()


def test_rows_of_another_chain_are_not_used(tmp_path: Path, program: Path) -> None:
    """Rows that are whole, but not those that the state was saved with, are none of its chain."""
    undisturbed = chain(tmp_path / "undisturbed", program, ITERATIONS)
    undisturbed.finish(None)
    killed = chain(tmp_path / "killed", program, ITERATIONS)
    killed.stop_at(230)
    other = chain(tmp_path / "other", program, f"{ITERATIONS} adapt delta=0.9")
    other.finish()
    shutil.copy(other.state.folder / ROWS, killed.state.folder / ROWS)
    output = killed.finish()
    assert "rows are damaged" in output and "starts anew" in output
    assert killed.rows() == undisturbed.rows()


def test_rows_beyond_the_state_are_of_no_account(tmp_path: Path, program: Path) -> None:
    """Rows that were saved just before a kill, without their state, do not count."""
    undisturbed = chain(tmp_path / "undisturbed", program, ITERATIONS)
    undisturbed.finish(None)
    killed = chain(tmp_path / "killed", program, ITERATIONS)
    killed.stop_at(260)
    with (killed.state.folder / ROWS).open("ab") as file:
        file.write(b"1,2,3\n")
    assert "starts anew" not in killed.finish()
    assert killed.rows() == undisturbed.rows()


def test_a_save_reads_no_row_twice(tmp_path: Path, program: Path) -> None:
    """With a state after each of 400 draws, the rows are read once for their copy, in all."""
    saving = chain(tmp_path / "saving", program, f"num_warmup={WARMUP} num_samples=400")
    process = saving.start(EACH_ITERATION, stdout=subprocess.DEVNULL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    _, bytes_read = Path(f"/proc/{process.pid}/io").read_text().split()[:2]
    assert process.wait() == 0 and saving.saved() == WARMUP + 400
    size = saving.output.stat().st_size
    assert 0.9 * size < int(bytes_read) < size + 500_000


def test_a_state_of_other_settings_is_not_used(tmp_path: Path, program: Path) -> None:
    """A state with another metric, thinning or length of warm-up is not gone on from."""
    killed = chain(tmp_path / "killed", program, ITERATIONS)
    killed.stop_at(260)
    for other in (
        "num_warmup=100",
        f"{ITERATIONS} thin=2",
        f"{ITERATIONS} algorithm=hmc metric=dense_e",
    ):
        folder = tmp_path / "other"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(killed.folder, folder)
        assert "other settings" in chain(folder, program, other).finish()


def test_a_state_that_lies_under_another_name_is_not_used(tmp_path: Path, program: Path) -> None:
    """The name is made of the chain's key: a state of other data may be moved there by hand."""
    killed = chain(tmp_path / "killed", program, ITERATIONS)
    killed.stop_at(260)
    other = chain(tmp_path / "other", program, ITERATIONS)
    (other.folder / "data.json").write_text(json.dumps({**DATA, "y": DATA["y"][::-1]}))
    other.finish(None)
    undisturbed, moved = other.rows(), replace(other, name="another")
    shutil.copytree(killed.state.folder, moved.state.folder)
    assert "is of another chain" in moved.finish()
    assert moved.rows() == undisturbed


def test_every_number_of_the_state_counts(tmp_path: Path, program: Path) -> None:
    """A state whose generator is another one, and whose checksum says so too, gives other draws."""
    undisturbed = chain(tmp_path / "undisturbed", program, ITERATIONS)
    undisturbed.finish(None)
    killed = chain(tmp_path / "killed", program, ITERATIONS)
    killed.stop_at(100)
    path = killed.state.folder / STATE
    content = path.read_bytes()
    (size,) = struct.unpack_from("<Q", content, 26)
    sampler = 34 + size + 56 + 8
    body = bytearray(content[26:])
    body[sampler - 26 + 8] ^= 1
    checksum = 14695981039346656037
    for letter in body:
        checksum = (checksum ^ letter) * 1099511628211 % 2**64
    path.write_bytes(content[:18] + struct.pack("<Q", checksum) + body)
    assert "starts anew" not in killed.finish()
    assert killed.rows()[:1] == undisturbed.rows()[:1]
    assert killed.rows() != undisturbed.rows()


SLOW_DISK = """\
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

int fsync(int file) {
  double start = now();
  nanosleep(&(struct timespec){0, 300000000}, NULL);
  FILE* log = fopen(getenv("SLOW_DISK_LOG"), "a");
  fprintf(log, "%.6f %.6f\\n", start, now());
  fclose(log);
  return 0;
}
"""
"""A disk on which each file takes 0.3 s until it is safe."""


def test_saves_that_take_long_are_made_more_seldom(
    tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 0.6 s for a state each 0.05 s the next is due not before twenty intervals, and then."""
    (tmp_path / "disk.c").write_text(SLOW_DISK)
    disk, log = tmp_path / "disk.so", tmp_path / "log"
    compiler = ["gcc", "-shared", "-fPIC", "-o", str(disk), str(tmp_path / "disk.c")]
    subprocess.run(compiler, check=True)
    monkeypatch.setenv("LD_PRELOAD", str(disk))
    monkeypatch.setenv("SLOW_DISK_LOG", str(log))
    interval = 0.05
    slow = chain(tmp_path / "slow", program, "num_samples=100000000 thin=10000")
    process = slow.start(interval, stdout=subprocess.DEVNULL)
    pauses = np.array([])
    while len(pauses) < 3:
        assert process.poll() is None
        time.sleep(0.2)
        calls = np.array([line.split() for line in read_lines(log)], float).reshape(-1, 2)
        between = calls[1:, 0] - calls[:-1, 1]
        pauses = between[between > interval / 2]
    process.kill()
    process.communicate()
    assert pauses.min() >= 20 * interval
    assert np.median(pauses) < 40 * interval


def read_lines(path: Path) -> list[str]:
    """Return the whole lines of a file that another process may be writing."""
    return path.read_text().splitlines(keepends=True)[:-1] if path.exists() else []


def test_where_no_state_can_be_written_sampling_goes_on(tmp_path: Path, program: Path) -> None:
    """A folder that cannot be made is one sentence, and the chain ends as it would have."""
    undisturbed = chain(tmp_path / "undisturbed", program, ITERATIONS)
    undisturbed.finish(None)
    blocked = chain(tmp_path / "blocked", program, ITERATIONS)
    blocked.state.folder.write_text("a file is in the way")
    output = blocked.finish(EACH_ITERATION)
    assert output.count("cannot be saved") == 1 and "sampling goes on without" in output
    assert blocked.rows() == undisturbed.rows()


def test_where_no_state_can_be_written_a_signal_ends_the_chain(
    tmp_path: Path, program: Path
) -> None:
    """At once, and not with its last draw: there is nothing to save first."""
    blocked = chain(tmp_path / "blocked", program, "num_warmup=50 num_samples=100000000")
    blocked.state.folder.write_text("a file is in the way")
    process = blocked.start(EACH_ITERATION)
    assert process.stdout is not None
    while "sampling goes on without" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == -signal.SIGTERM
    assert not blocked.output.exists()


def test_a_full_disk_costs_the_state_only(tmp_path: Path, program: Path) -> None:
    """Where the state does not fit on its disk, one sentence says so, and the draws are whole."""
    undisturbed = chain(tmp_path / "undisturbed", program, ITERATIONS)
    undisturbed.finish(None)
    full = chain(tmp_path / "full", program, ITERATIONS)
    full.state.folder.mkdir()
    (full.state.folder / ROWS).symlink_to("/dev/full")
    output = full.finish(EACH_ITERATION)
    assert output.count("cannot be saved") == 1
    assert full.rows() == undisturbed.rows()

"""Several calls at once, each in a child: results in order, and nobody outlives the step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from stanchion.errors import ChainError
from stanchion.sampling.together import EndedError, LostError, granted_threads, together


def test_results_come_in_the_order_of_the_calls() -> None:
    """Whoever is done first, each answer stands at its call's place, errors among them."""

    def refuse() -> int:
        raise ChainError("no", where="here", todo="something else")

    def late() -> int:
        time.sleep(0.2)
        return 1

    first, second, third = together([late, refuse, lambda: 3], at_once=3)
    assert (first, third) == (1, 3)
    assert isinstance(second, ChainError)
    assert str(second) == str(ChainError("no", where="here", todo="something else"))


def test_no_more_run_at_once_than_are_granted(tmp_path: Path) -> None:
    """Of four calls two run at a time."""

    def count(index: int) -> int:
        (tmp_path / str(index)).touch()
        running, end = 0, time.monotonic() + 2
        while running < 2 and time.monotonic() < end:  # the other call may begin late
            running = len(list(tmp_path.iterdir()))
        time.sleep(0.1)
        running = max(running, len(list(tmp_path.iterdir())))
        (tmp_path / str(index)).unlink()
        return running

    seen = together([lambda i=i: count(i) for i in range(4)], at_once=2)  # type: ignore[misc]
    assert max(seen) == 2


def test_killed_child_is_lost() -> None:
    """A child that is killed gives no answer, which is told from one; the others give theirs."""
    killed, sound = together([lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: 2], at_once=2)
    assert isinstance(killed, LostError)
    assert sound == 2


def test_child_killed_in_the_midst_of_its_answer_is_lost() -> None:
    """A part of an answer is none: as of a child that is killed while it writes a large one."""

    def children() -> set[int]:
        return {int(x) for x in Path("/proc/thread-self/children").read_text().split()}

    before = children()  # of other tests in this process

    def hopeless(_results: Mapping[int, object], _running: Sequence[int]) -> list[int]:
        time.sleep(0.1)  # the child waits for a reader: the pipe is full
        (process,) = children() - before
        os.kill(process, signal.SIGKILL)
        return []

    (answer,) = together([lambda: b"x" * (1 << 22)], at_once=1, hopeless=hopeless)
    assert isinstance(answer, LostError)


_TALKS_ON = """
import signal
from stanchion.sampling.together import together

def talk():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return b"x" * (1 << 22)

def stop(results, running):
    raise KeyboardInterrupt

try:
    together([talk], at_once=1, hopeless=stop)
except KeyboardInterrupt:
    print("ended")
"""
_HIT_AT_ONCE = """
import os, signal
from stanchion.sampling.together import together

def stop(number, frame):
    raise KeyboardInterrupt

def fork(real=os.fork):
    process = real()
    if not process:
        os.kill(os.getpid(), signal.SIGTERM)
    return process

signal.signal(signal.SIGTERM, stop)
os.fork = fork
try:
    print(together([lambda: 1], at_once=1), flush=True)
except KeyboardInterrupt:
    print("a child has left its call", flush=True)
"""


@pytest.mark.parametrize(
    ("script", "output"), [(_TALKS_ON, "ended\n"), (_HIT_AT_ONCE, "[LostError()]\n")]
)
def test_end_of_a_step_is_that_of_its_children(script: str, output: str) -> None:
    """One that has more to say than a pipe holds is not waited for, and one that is hit when it has
    just been forked ends there: it does not go on as the step.
    """
    step = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False
    )
    assert step.stdout == output


def test_hopeless_child_is_ended() -> None:
    """Who is named while it runs, by what the others have returned, is ended; the rest is not."""

    def wait() -> str:
        time.sleep(60)
        return "late"

    def hopeless(results: Mapping[int, object], running: Sequence[int]) -> list[int]:
        return [index for index in running if results.get(1) == "done"]

    ended, done = together([wait, lambda: "done"], at_once=2, hopeless=hopeless)
    assert isinstance(ended, EndedError)
    assert done == "done"


def test_large_answers_are_whole() -> None:
    """An answer larger than a pipe holds arrives."""
    (answer,) = together([lambda: b"x" * (1 << 20)], at_once=1)
    assert answer == b"x" * (1 << 20)


_STEP = """
import signal, sys, time
from pathlib import Path
from stanchion.sampling.together import together

def child(name):
    def save(number, frame):
        Path(name).write_text("saved")
        raise SystemExit(1)
    signal.signal(signal.SIGTERM, save)
    Path(name).write_text("running")
    time.sleep(60)

def stop(number, frame):
    raise KeyboardInterrupt

signal.signal(signal.SIGTERM, stop)
try:
    together([lambda: child("a"), lambda: child("b")], at_once=2)
except KeyboardInterrupt:
    print([Path(name).read_text() for name in "ab"])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_children_end_with_the_step(tmp_path: Path, number: signal.Signals) -> None:
    """Ended or killed, the step leaves no child behind, and each has had the time to save."""
    step = subprocess.Popen(
        [sys.executable, "-c", _STEP], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    files = [tmp_path / "a", tmp_path / "b"]
    while not all(file.exists() and file.read_text() for file in files):
        time.sleep(0.02)
    step.send_signal(number)
    output, _ = step.communicate(timeout=30)
    end = time.monotonic() + 10
    while [file.read_text() for file in files] != ["saved"] * 2 and time.monotonic() < end:
        time.sleep(0.02)
    assert [file.read_text() for file in files] == ["saved"] * 2
    if number == signal.SIGTERM:
        assert output == "['saved', 'saved']\n"


@pytest.mark.parametrize(("granted", "threads"), [("2", 2), ("8", 4), ("0", 1), ("", 4), ("x", 4)])
def test_granted_threads(monkeypatch: pytest.MonkeyPatch, granted: str, threads: int) -> None:
    """What Snakemake grants a job is kept to, and no more is taken than was reserved."""
    monkeypatch.setenv("OMP_NUM_THREADS", granted)
    assert granted_threads(4) == threads

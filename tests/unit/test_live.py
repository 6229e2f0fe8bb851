"""Progress beside what steps say: a block on a terminal that no line gets into, lines in a log."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stanchion.runs.live import LogLines, Screen, Stragglers, is_screen
from tests.unit.test_progress import job, put

SCRIPT = """\
import subprocess, sys, time
from stanchion.runs import live
live._REFRESH = 0.05
with live.progress_shown():
    for number in range(5):
        subprocess.run(["sh", "-c", f"echo step {number} done >&2"])
        time.sleep(0.15)
    print("half a line", end="", file=sys.stderr, flush=True)
    time.sleep(0.2)
    print(", and the rest", file=sys.stderr, flush=True)
    time.sleep(0.2)
print("the table", flush=True)
"""


class Emulator:
    """The lines of a terminal that knows a new line, and two sequences."""

    def __init__(self) -> None:
        self.lines, self.row, self.column = [""], 0, 0

    def write(self, text: bytes) -> None:
        rest = text.decode()
        while rest:
            if rest.startswith("\x1b[J"):
                del self.lines[self.row + 1 :]
                self.lines[self.row] = self.lines[self.row][: self.column]
                rest = rest[3:]
            elif rest.startswith("\x1b["):
                number, rest = rest[2:].split("A", 1)
                self.row -= int(number)
                assert self.row >= 0
            else:
                self._put(rest[0])
                rest = rest[1:]

    def _put(self, letter: str) -> None:
        if letter == "\r":
            self.column = 0
        elif letter == "\n":
            self.row, self.column = self.row + 1, 0
            if self.row == len(self.lines):
                self.lines.append("")
        else:
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + letter + line[self.column + 1 :]
            self.column += 1


def test_block_is_drawn_in_place_below_what_is_said() -> None:
    """Words stand above the block in their order; a block that shrinks leaves nothing behind."""
    terminal = Emulator()
    screen = Screen(terminal.write)
    screen.say(b"first\n")
    screen.show(["one", "two"])
    screen.say(b"second\nthi")
    assert terminal.lines == ["first", "second", "thi"]
    screen.show(["never within a line"])
    assert terminal.lines == ["first", "second", "thi"]
    screen.say(b"rd\n")
    assert terminal.lines == ["first", "second", "third", "never within a line", ""]
    screen.show(["one", "two"])
    screen.show(["three"])
    assert terminal.lines == ["first", "second", "third", "three", ""]
    screen.show([])
    assert terminal.lines == ["first", "second", "third", ""]


def test_log_gets_lines_the_less_often_the_longer_it_takes() -> None:
    """None in the first minute, one at 1, 2, 4 and 8 minutes, and then one in five.

    A night's run is no page of a thousand lines, and is never silent for ten minutes. None while
    nothing goes on.
    """
    log = LogLines(Stragglers(), begun=0.0)
    assert log.lines([job("a/d/m/nuts", 1)], 59.0, "3 of 9 steps done") == []
    assert log.lines([], 61.0) == []
    times = [now for now in range(62, 1000) if log.lines([job("a/d/m/nuts", 1)], now)]
    assert times == [62, 124, 248, 496, 796]
    (line,) = log.lines([job("a/d/m/nuts", 1)], 1096.0, "3 of 9 steps done")
    assert line.startswith("3 of 9 steps done; a/d/m/nuts: 1 chain, ")


def test_straggler_is_named_once() -> None:
    """As soon as it is known, whatever was said before, and not again."""
    late = job("a/d/m/nuts", 2, behind="12 times the leapfrog steps of its siblings")
    log = LogLines(Stragglers(), begun=0.0)
    assert log.lines([job("a/d/m/nuts", 1), late], 1.0) == [
        "a/d/m/nuts: chain 2 is far behind: 12 times the leapfrog steps of its siblings"
    ]
    assert log.lines([late], 2.0) == []


def test_terminal_without_a_cursor_is_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe, and a terminal that is called dumb, get lines."""
    ours, theirs = pty.openpty()
    reading, writing = os.pipe()
    monkeypatch.setenv("TERM", "xterm")
    assert is_screen(theirs) and not is_screen(writing)
    monkeypatch.setenv("TERM", "dumb")
    assert not is_screen(theirs)
    for descriptor in (ours, theirs, reading, writing):
        os.close(descriptor)


def test_lines_of_steps_do_not_mix_with_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other processes write to a real terminal meanwhile: all their lines are whole, in order,
    with no block left below them, and what the run prints afterwards comes last."""
    monkeypatch.chdir(tmp_path)
    put("a/d/m/nuts", 1)
    put("a/d/m/nuts", 2)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    run = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=theirs, stderr=theirs, env=environment, cwd=tmp_path
    )
    os.close(theirs)
    text, end = b"", time.monotonic() + 60
    while time.monotonic() < end and select.select([ours], [], [], 60)[0]:
        try:
            text += os.read(ours, 4096)
        except OSError:
            break
    os.close(ours)
    assert run.wait(timeout=10) == 0
    assert b"chain 2  1500 / 2000 (75 %)" in text
    assert not re.search(rb"\x1b\[[\d;]*m", text), "a colour"
    terminal = Emulator()
    terminal.write(text)
    assert terminal.lines == [
        *(f"step {number} done" for number in range(5)),
        "half a line, and the rest",
        "the table",
        "",
    ]


def test_terminal_that_goes_away_stops_no_step(tmp_path: Path) -> None:
    """Steps go on speaking, far more than a pipe holds, and the run comes to its end."""
    script = (
        "import subprocess, sys\n"
        "from stanchion.runs import live\n"
        "with live.progress_shown():\n"
        "    print('begun', file=sys.stderr, flush=True)\n"
        "    sys.stdin.readline()\n"
        "    subprocess.run(['sh', '-c', 'yes words | head -c 1000000 >&2'], check=True)\n"
        "print('the table')\n"
    )
    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
        cwd=tmp_path,
    )
    os.close(theirs)
    assert b"begun" in os.read(ours, 4096)
    os.close(ours)
    output, _ = run.communicate(b"\n", timeout=60)
    assert run.returncode == 0 and output == b"the table\n"

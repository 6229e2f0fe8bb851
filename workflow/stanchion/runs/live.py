"""Progress while a run goes on: a block below what is said on a terminal, else a line now and then.

On a terminal, steps write to a pseudo-terminal that a thread passes on, so that no line of theirs
gets into the block. What is shown can fail, and costs the run nothing.
"""

from __future__ import annotations

import os
import select
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from stanchion.runs.progress import JobProgress, known_progress
from stanchion.runs.progress_text import block, far_behind, sentence

_FIRST, _MOST, _LOOK = 60.0, 300.0, 10.0
"""Seconds to the first line in a log, between two at most, and between two looks at how far chains
are. Build servers end jobs that say nothing for ten minutes."""
_REFRESH = 1.0
_SHARE = 20
"""Times what reading took that passes at least before the files are read again."""
_USUAL = 80, 24
_CLEAR_BELOW = "\x1b[J"
_SETTLE = 0.5
"""Seconds in which the last words of the steps are passed on before the run goes on."""


def is_screen(descriptor: int) -> bool:
    """Tell whether a descriptor is a terminal that can move its cursor."""
    return os.isatty(descriptor) and os.environ.get("TERM", "dumb") not in ("", "dumb")


def size_of(descriptor: int) -> tuple[int, int]:
    """Return the columns and lines of a terminal; those of a usual one where it knows of none."""
    columns, lines = os.get_terminal_size(descriptor)
    return columns or _USUAL[0], lines or _USUAL[1]


def nothing() -> str:
    """Return no words."""
    return ""


@contextmanager
def progress_shown(
    analyses: Collection[str] = (), counted: Callable[[], str] = nothing
) -> Iterator[None]:
    """Show how far the jobs of these analyses are while this lasts, on standard error.

    `counted` says how many steps are done.
    """
    show = _on_screen if is_screen(2) else _in_log
    with show(partial(known_progress, analyses), Stragglers(), counted):
        yield


class Stragglers:
    """Chains far behind their siblings, each named once."""

    def __init__(self) -> None:
        self._named: set[tuple[str, str]] = set()

    def new(self, jobs: Sequence[JobProgress]) -> list[str]:
        """Return a sentence for each that was not named before."""
        late = [job for job in jobs if job.behind and (job.of, job.name) not in self._named]
        self._named.update((job.of, job.name) for job in late)
        return [far_behind(job) for job in late]


class LogLines:
    """Which lines a log gets, and when."""

    def __init__(self, stragglers: Stragglers, begun: float) -> None:
        self._stragglers = stragglers
        self._begun = begun
        self._next = begun + _FIRST

    def lines(self, jobs: Sequence[JobProgress], now: float, counted: str = "") -> list[str]:
        """Return the stragglers that are new, and how far all are: the later, the less often."""
        lines = self._stragglers.new(jobs)
        if now >= self._next and (words := "; ".join(filter(None, (counted, sentence(jobs))))):
            self._next = now + min(now - self._begun, _MOST)
            lines.append(words)
        return lines


class Screen:
    """A terminal whose last lines are a block that is drawn again and again."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._lines: list[str] = []
        self._drawn = 0
        self._is_line_whole = True

    def say(self, text: bytes) -> None:
        """Write text above the block, which waits until its last line is whole."""
        self._is_line_whole = text.endswith(b"\n")
        self._write(self._without_block() + text + self._block())

    def show(self, lines: Sequence[str]) -> None:
        """Draw the block anew, with these lines."""
        if list(lines) != self._lines or not self._drawn:
            self._lines = list(lines)
            if self._drawn or self._lines:
                self._write(self._without_block() + self._block())

    def _without_block(self) -> bytes:
        drawn, self._drawn = self._drawn, 0
        return f"\x1b[{drawn}A\r{_CLEAR_BELOW}".encode() if drawn else b""

    def _block(self) -> bytes:
        if not self._is_line_whole:
            return b""
        self._drawn = len(self._lines)
        return "".join(f"{line}\n" for line in self._lines).encode()


@contextmanager
def _in_log(
    read: Callable[[], list[JobProgress]], stragglers: Stragglers, counted: Callable[[], str]
) -> Iterator[None]:
    """Print a line now and then."""
    ended, log = threading.Event(), LogLines(stragglers, time.monotonic())

    def watch() -> None:
        while not ended.wait(_LOOK):
            with suppress(Exception):
                for line in log.lines(read(), time.monotonic(), counted()):
                    print(line, file=sys.stderr, flush=True)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(_SETTLE)


@contextmanager
def _on_screen(
    read: Callable[[], list[JobProgress]], stragglers: Stragglers, counted: Callable[[], str]
) -> Iterator[None]:
    """Draw the block; the steps' standard error is read meanwhile, and passed on above it."""
    try:
        ours, theirs = os.openpty()
    except OSError:
        with _in_log(read, stragglers, counted):
            yield
        return
    tty.setraw(theirs)
    with suppress(OSError):
        termios.tcsetwinsize(theirs, termios.tcgetwinsize(2))
    terminal = os.dup(2)
    relay = _Relay(ours, terminal, read, stragglers, counted)
    sys.stderr.flush()
    os.dup2(theirs, 2)
    os.close(theirs)
    relay.start()
    try:
        yield
    finally:
        sys.stderr.flush()
        relay.hide()
        os.dup2(terminal, 2)


class _Relay(threading.Thread):
    """Passes on what is said, and draws the block below it.

    It goes on passing on after the block is gone: a step that is being ended may still speak.
    """

    def __init__(
        self,
        source: int,
        terminal: int,
        read: Callable[[], list[JobProgress]],
        stragglers: Stragglers,
        counted: Callable[[], str],
    ) -> None:
        super().__init__(daemon=True)
        self._source, self._terminal = source, terminal
        self._read, self._stragglers, self._counted = read, stragglers, counted
        self._screen = Screen(self._put)
        self._ending, self._hidden = threading.Event(), threading.Event()
        self._next = time.monotonic() + _REFRESH

    def run(self) -> None:
        """Pass on until nobody can speak any more."""
        with suppress(OSError):
            while True:
                late = 0.05 if self._ending.is_set() else self._next - time.monotonic()
                wait = None if self._hidden.is_set() else max(late, 0)
                if select.select([self._source], [], [], min(wait, 0.1) if wait else wait)[0]:
                    self._screen.say(os.read(self._source, 64 << 10))
                elif self._ending.is_set() and not self._hidden.is_set():
                    self._screen.show([])
                    self._hidden.set()
                if time.monotonic() >= self._next and not self._ending.is_set():
                    self._draw()
        self._hidden.set()

    def hide(self) -> None:
        """Pass on what was said until now, and take the block away."""
        self._ending.set()
        self._hidden.wait(_SETTLE)

    def _draw(self) -> None:
        begun = time.monotonic()
        with suppress(Exception):
            jobs = self._read()
            width, height = size_of(self._terminal)
            for line in self._stragglers.new(jobs):
                self._screen.say(f"{line}\n".encode())
            head = [line[: width - 1] for line in (self._counted(),) if line]
            rest = block(jobs, width=width - 1, height=height // 2 - len(head))
            self._screen.show([*head, *rest])
        now = time.monotonic()
        self._next = now + max(_REFRESH, _SHARE * (now - begun))

    def _put(self, text: bytes) -> None:
        """Write to the terminal; where it is gone, steps that speak are not made to wait."""
        with suppress(OSError):
            while text:
                text = text[os.write(self._terminal, text) :]

"""Starts a compiled program as a process of its own and checks that its output is whole.

Imports the standard library only: a chain is one short process, and start-up is paid by each.
"""

from __future__ import annotations

import os
import re
import resource
import select
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from stanchion.errors import ChainError
from stanchion.stan.console import with_included_names
from stanchion.stan.progress import INTERVAL, ChainReport
from stanchion.stan.rows import Rows
from stanchion.system.durations import seconds_of
from stanchion.system.processes import adopt_orphans, descendants, die_with_parent, end

_FOOTER = re.compile(rb"seconds \(Total\)\s*$")
"""The last line of what a chain writes about its time."""
_DISK = "free some disk space if it is full, then run again"
_ROOM = "make room on the disk, or in memory, then run again"
_OF_THE_MACHINE = re.compile(
    r"^\s*(Cannot \w+ (output file \"|to the standard output)|std::bad_alloc\b"
    r"|.*Resource temporarily unavailable)",
    re.MULTILINE,
)
"""What a program says whose disk, memory or threads have run out."""
_ENDED_EARLY = "its log says why the program ended without them; often a generated quantity fails"
_EXCEPTION = "Exception: "
_LAST_WORDS = 8
_BLOCK = 64 << 10
_LOG_LIMIT = 4 << 20
"""Bytes of one program's output that its log takes as they come."""
_LOG_END = 64 << 10
"""Bytes of its end that are kept beside them."""
_START_SECONDS = 60
_SWEEPS = 1000
"""Times that processes are looked for which a program has left behind."""
_SAVE_SECONDS = 20
"""What a program that is ended may take to save its state: less than a cluster's patience."""
_ASK = signal.SIGXCPU
"""Asks a program that saves its state to end, once: a second signal ends it before it has saved."""
_OF_THE_GROUP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What a terminal or a scheduler sends to all processes at once; the step passes it on."""


class ProgramFailedError(ChainError):
    """A compiled program ended itself, with an exit code other than zero.

    It does so again with the same input: what the machine has failed to do is another error.
    """


@dataclass(frozen=True)
class Apart:
    """Where a program runs that is not CmdStan's, with what environment.

    Whatever it has started ends when it does.
    """

    folder: Path
    environment: Mapping[str, str]


class _Started:
    """Whatever this process starts from here on, also below a parent that has ended.

    The kernel makes this process the parent of those.
    """

    def __init__(self) -> None:
        adopt_orphans()
        self._before = set(descendants(os.getpid()))

    def end(self) -> None:
        """End all of them; what goes on starting others for long is given up."""
        for _ in range(_SWEEPS):
            left = [p for p in descendants(os.getpid()) if p not in self._before]
            if not left:
                break
            end(left, signal.SIGKILL)
            for process in left:
                with suppress(ChildProcessError):
                    os.waitpid(process, 0)


class _Output:
    """What a program prints, in its log: the beginning as it comes, the end once it has ended.

    A log that cannot be written costs the log only: the draws go elsewhere.
    """

    def __init__(self, log: Path, command: Sequence[str]) -> None:
        self._file = log.open("ab", buffering=0)
        self._room = _LOG_LIMIT
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.omitted = 0
        self.fault: str | None = None
        self._write(f"$ {' '.join(command)}\n".encode())

    def take(self, block: bytes) -> None:
        """Keep a block of at most 64 KiB."""
        self._tail.append(block)
        self._tail_size += len(block)
        while self._tail_size - len(self._tail[0]) >= _LOG_END:
            self._tail_size -= len(self._tail.popleft())
        head = block[: self._room]
        self._room -= len(head)
        self.omitted += len(block) - len(head)
        self._write(head)

    def close(self) -> None:
        """Write what was said last, where it was not written as it came."""
        if self.omitted:
            end = self._end()[-min(_LOG_END, self.omitted) :]
            self.omitted -= len(end)
            if self.omitted:
                self._write(f"\n[{self.sentence()}]\n".encode())
            self._write(end)
        self._file.close()

    def sentence(self) -> str | None:
        """Return what a person should know of this log, if anything."""
        if self.fault is not None:
            return f"its log is not whole: {self.fault}"
        if self.omitted:
            return (
                f"its log leaves out {self.omitted} bytes that it printed, and keeps the first "
                f"{_LOG_LIMIT >> 20} MB and the end: does the program call print()?"
            )
        return None

    def last_words(self) -> str:
        """Return the last lines that the program printed."""
        output = with_included_names(self._end().decode(errors="replace"))
        lines = [line.rstrip() for line in output.splitlines()]
        return "\n".join(
            f"  {line}" for line in _unrepeated([x for x in lines if x][-_LAST_WORDS:])
        )

    def _end(self) -> bytes:
        return b"".join(self._tail)[-_LOG_END:]

    def _write(self, data: bytes) -> None:
        while data and self.fault is None:
            try:
                data = data[self._file.write(data) :]
            except OSError as error:
                self.fault = (error.strerror or str(error)).lower()


def run_program(
    command: Sequence[str],
    log: Path,
    *,
    chain: str,
    time_limit: str | None = None,
    descriptor: int | None = None,
    saving: Mapping[str, str] | None = None,
    before_start: Callable[[], None] | None = None,
    report: ChainReport | None = None,
    apart: Apart | None = None,
) -> dict[str, Any]:
    """Run a compiled program to its end and return notes for the record, such as its `starts`.

    Where it is open already, what is executed is what the descriptor holds, under its own name.

    A program that somebody else killed (out of memory, `kill`) is started once more: a chain's
    draws depend on its seed alone. The time limit is one for both. `saving` are variables by which
    it saves its state, for which it is given some seconds when it is ended; `before_start` is
    called before each start. `report` follows how far it is. A program `apart` is not CmdStan's.

    Raises:
        ChainError: its time was over, it was killed twice, or the machine has no room.
        ProgramFailedError: the program failed, with its own last words.
    """
    until = None if time_limit is None else time.monotonic() + seconds_of(time_limit)
    for attempt in (1, 2):
        if before_start is not None:
            before_start()
        output = _Output(log, command)
        try:
            code = _run(command, output, until, chain, descriptor, saving or {}, report, apart)
        except TimeoutError as error:
            raise ChainError(
                f"{chain} was ended: it did not finish within its time limit of {time_limit}; "
                f"its last words:\n{output.last_words()}",
                where=str(log),
                key="time_limit",
                todo="give it more time, or look for what makes it slow",
            ) from error
        finally:
            output.close()
        if code == 0:
            sentence = output.sentence()
            return {"starts": attempt} | ({"log": f"{chain}: {sentence}"} if sentence else {})
        if code > 0:
            break
    failure = _failure(chain, code, output.last_words())
    if code > 0 and _OF_THE_MACHINE.search(output.last_words()):
        raise ChainError(failure, where=str(log), todo=_ROOM)
    raise (ChainError if code < 0 else ProgramFailedError)(failure, where=str(log))


def _run(
    command: Sequence[str],
    output: _Output,
    end: float | None,
    chain: str,
    descriptor: int | None,
    saving: Mapping[str, str],
    report: ChainReport | None,
    apart: Apart | None,
) -> int:
    """Run a program once and return its exit code.

    Raises:
        ChainError: it could not be started.
        TimeoutError: the time was over, and it was ended.
    """
    started = None if apart is None else _Started()
    process = _start(command, chain, descriptor, saving, apart)
    assert process.stdout is not None
    with process.stdout as pipe:
        try:
            if report is not None:
                report.begin(process.pid)
            return _follow(process, pipe, output, end, report, started)
        except BaseException as error:
            try:
                if saving:
                    _end_gently(process, pipe, output)
            finally:
                process.kill()
                process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise TimeoutError from error
            raise
        finally:
            if started is not None:
                started.end()


def _start(
    command: Sequence[str],
    chain: str,
    descriptor: int | None,
    saving: Mapping[str, str],
    apart: Apart | None,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            executable=None if descriptor is None else f"/proc/self/fd/{descriptor}",
            pass_fds=() if descriptor is None else (descriptor,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=None if apart is None else apart.folder,
            env={**os.environ, **saving} if apart is None else dict(apart.environment),
            preexec_fn=partial(_before_program, os.getpid(), bool(saving)),
        )
    except OSError as error:
        raise ChainError(
            f"{chain} could not be started: {error.strerror}", where=command[0]
        ) from error


def _follow(
    process: subprocess.Popen[bytes],
    pipe: IO[bytes],
    output: _Output,
    end: float | None,
    report: ChainReport | None,
    started: _Started | None,
) -> int:
    """Take what a program prints until it has ended, and return its exit code.

    Raises:
        TimeoutError: the time is over, and the program has not ended.
        subprocess.TimeoutExpired: it has closed its output alone.
    """
    looks = report is not None or started is not None
    while (rest := _rest(end)) is None or rest > 0:
        if select.select([pipe], [], [], _wait(rest, looks))[0]:
            block = os.read(pipe.fileno(), _BLOCK)
            if not block:
                return process.wait(_rest(end))
            output.take(block)
            if report is not None:
                report.take(block)
        if started is not None and process.poll() is not None:
            started.end()  # what holds the pipe open
        if report is not None:
            report.look()
    raise TimeoutError


def _end_gently(process: subprocess.Popen[bytes], pipe: IO[bytes], output: _Output) -> None:
    """Ask a program to end, and let it finish its iteration and save its state.

    What it prints meanwhile is read, so that it does not wait for a reader.
    """
    process.send_signal(_ASK)
    end = time.monotonic() + _SAVE_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if select.select([pipe], [], [], 0.05)[0]:
            block = os.read(pipe.fileno(), _BLOCK)
            if not block:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_rest(end))
                return
            output.take(block)


def _rest(end: float | None) -> float | None:
    return None if end is None else max(end - time.monotonic(), 0)


def _wait(rest: float | None, looks: bool) -> float | None:
    """Return how long to wait for output: until the time is over, or until the next look."""
    if not looks:
        return rest
    return INTERVAL if rest is None else min(rest, INTERVAL)


def check_starts(executable: Path) -> bool:
    """Tell whether a compiled program that was taken from elsewhere runs on this machine."""
    try:
        completed = subprocess.run(
            [str(executable.absolute()), "info"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_START_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return completed.returncode == 0 and b"stan_version_major" in completed.stdout


def check_csv(path: Path, expected: Rows, *, chain: str, parts: int = 1) -> None:
    """Check that a Stan CSV holds every draw, the end of its last line, and its footer.

    Where its draws come in several parts, all draws of some parts are enough.

    Raises:
        ChainError: there is no file, or it is not whole, as after a kill or on a full disk.
    """
    lines, footer, line = 0, False, b""
    try:
        with path.open("rb") as file:
            for line in file:
                if line.startswith(b"#"):
                    footer = footer or _FOOTER.search(line) is not None
                elif line.strip():
                    lines += 1
    except OSError as error:
        raise _not_whole(path, f"{chain} left no CSV: {error.strerror}") from error
    draws = lines - 1 - expected.before
    if not expected.are_whole(draws, parts):
        count = f"{max(draws, 0)} draws of {expected.draws}"
        todo = _ENDED_EARLY if expected.footer and footer else _DISK
        raise _not_whole(path, f"{chain} is not whole: {count}", todo)
    if not line.endswith(b"\n"):
        raise _not_whole(path, f"{chain} is not whole: its last line is cut off")
    if expected.footer and not footer:
        raise _not_whole(path, f"{chain} is not whole: its CSV has no footer")


def _not_whole(path: Path, what: str, todo: str = _DISK) -> ChainError:
    return ChainError(what, where=str(path), todo=todo)


def _failure(chain: str, code: int, words: str) -> str:
    if code < 0:
        name = signal.Signals(-code).name
        return f"{chain} was killed by {name}, twice; its last words:\n{words}"
    failure = f"{chain} failed with exit code {code}; its last words:\n{words}"
    cause = _cause(words)
    return failure if cause is None else f"{cause}\n{failure}"


def _cause(words: str) -> str | None:
    """Return what Stan's last exception says, which its own last words bury."""
    exceptions = [line.strip() for line in words.splitlines() if _EXCEPTION in line]
    return exceptions[-1].partition(_EXCEPTION)[2] if exceptions else None


def _unrepeated(lines: Sequence[str]) -> list[str]:
    """Return lines without those that come again later: a program says it at every attempt."""
    last = {line: position for position, line in enumerate(lines)}
    return [line for position, line in enumerate(lines) if last[line] == position]


def _before_program(parent: int, saves: bool) -> None:
    """Have the kernel end the program when the step dies, so that no orphan goes on writing.

    One that saves its state is asked to end by the step alone, and leaves no core when it does.
    """
    if saves:
        for number in _OF_THE_GROUP:
            signal.signal(number, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if not die_with_parent(signal.SIGKILL, parent):
        os._exit(1)

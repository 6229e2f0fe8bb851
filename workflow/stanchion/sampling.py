"""Starts a compiled program as a process of its own and checks that its output is whole.

Imports the standard library only: a chain is one short process, and start-up is paid by each.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from stanchion.errors import ChainError

PR_SET_PDEATHSIG = 1
_FOOTER = re.compile(rb"seconds \(Total\)\s*$")
"""The last line of what a chain writes about its time."""
_LAST_WORDS = 8


def run_program(command: Sequence[str], log: Path, *, chain: str) -> int:
    """Run a compiled program to its end and return how often it was started.

    A program that somebody else killed (out of memory, `kill`) is started once more: a chain's
    draws depend on its seed alone.

    Raises:
        ChainError: the program failed; carries its own last words.
    """
    for attempt in (1, 2):
        with log.open("ab") as output:
            output.write(f"$ {' '.join(command)}\n".encode())
            output.flush()
            begin = output.tell()
            try:
                process = subprocess.Popen(
                    command,
                    stdout=output,
                    stderr=output,
                    preexec_fn=partial(_end_with_parent, os.getpid()),
                )
            except OSError as error:
                raise ChainError(
                    f"{chain} could not be started: {error.strerror}", where=command[0]
                ) from error
            try:
                code = process.wait()
            except BaseException:
                process.kill()
                process.wait()
                raise
        if code == 0:
            return attempt
        if code > 0 or attempt == 2:
            break
    raise ChainError(_failure(chain, code, last_words(log, begin)), where=str(log))


def check_chain(path: Path, draws: int, *, chain: str) -> None:
    """Check that a chain's Stan CSV holds every draw and its footer.

    Raises:
        ChainError: rows or the footer are missing, as after a kill or on a full disk.
    """
    if not check_rows(path, draws, chain=chain):
        raise _not_whole(path, f"{chain} is not whole: its CSV has no footer")


def check_rows(path: Path, draws: int, *, chain: str) -> bool:
    """Check that a Stan CSV holds this many rows, and tell whether it has a chain's footer.

    Raises:
        ChainError: there is no file, rows are missing, or the last line is cut off.
    """
    rows, footer, line = 0, False, b""
    try:
        with path.open("rb") as file:
            for line in file:
                if line.startswith(b"#"):
                    footer = footer or _FOOTER.search(line) is not None
                elif line.strip():
                    rows += 1
    except OSError as error:
        raise _not_whole(path, f"{chain} left no CSV: {error.strerror}") from error
    if rows - 1 != draws:
        raise _not_whole(path, f"{chain} is not whole: {max(rows - 1, 0)} draws of {draws}")
    if not line.endswith(b"\n"):
        raise _not_whole(path, f"{chain} is not whole: its last line is cut off")
    return footer


def _not_whole(path: Path, what: str) -> ChainError:
    todo = "free some disk space if it is full, then run again"
    return ChainError(what, where=str(path), todo=todo)


def last_words(log: Path, begin: int = 0) -> str:
    """Return the last lines that the program printed after this offset."""
    with log.open("rb") as file:
        file.seek(begin)
        lines = [line.rstrip() for line in file.read().decode(errors="replace").splitlines()]
    return "\n".join(f"  {line}" for line in [x for x in lines if x][-_LAST_WORDS:])


def _failure(chain: str, code: int, words: str) -> str:
    if code < 0:
        name = signal.Signals(-code).name
        return f"{chain} was killed by {name}, twice; its last words:\n{words}"
    return f"{chain} failed with exit code {code}; the sampler's last words:\n{words}"


def _end_with_parent(parent: int) -> None:
    """Have the kernel end the program when the step dies, so that no orphan goes on writing."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)

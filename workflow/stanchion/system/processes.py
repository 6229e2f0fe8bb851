"""This process, and those below one of ours, from the kernel's table. Standard library only."""

from __future__ import annotations

import ctypes
import os
import signal
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_FORKED: list[int] = []


def is_forked() -> bool:
    """Tell whether this process was forked by a warm one."""
    return bool(_FORKED)


def mark_forked(warm: int) -> None:
    """Remember the warm process that this one was forked by."""
    _FORKED.append(warm)


def has_lost_warm_process() -> bool:
    """Tell whether the warm process that forked this one is gone: its client runs the step."""
    return bool(_FORKED) and os.getppid() != _FORKED[0]


def _everything(_process: int) -> bool:
    return True


def descendants(process: int, enter: Callable[[int], bool] = _everything) -> list[int]:
    """Return the living processes below one, parents first; below those only that are entered."""
    children = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                state, parent = _state_and_parent(int(entry.name))
                if state != "Z":
                    children[parent].append(int(entry.name))
    processes = list(children[process])
    for child in processes:
        if enter(child):
            processes += children[child]
    return processes


def parent_of(process: int) -> int | None:
    """Return the parent of a process, None where there is no such process."""
    try:
        return _state_and_parent(process)[1]
    except OSError:
        return None


def _state_and_parent(process: int) -> tuple[str, int]:
    """Return the two fields that stand behind a process' name, which may hold anything."""
    line = Path(f"/proc/{process}/stat").read_text(errors="replace")
    state, parent = line.rpartition(")")[2].split()[:2]
    return state, int(parent)


def die_with_parent(number: signal.Signals, parent: int) -> bool:
    """Have the kernel send this process a signal when its parent dies; False where it has died."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    return os.getppid() == parent


def adopt_orphans() -> None:
    """Have the kernel make this process the parent of those below it whose own parent ends."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end(processes: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to processes; that one is gone already is no fault."""
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)


def has_word(process: int, word: str) -> bool:
    """Tell whether a process' command line holds a word."""
    try:
        return word.encode() in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False

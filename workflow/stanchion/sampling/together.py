"""Several calls at once, each in a process forked for it.

A forked child has the signals, the files and the imports of the step, so that what runs one chain
runs it unchanged: it saves its state when the step is ended, and dies with the step.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from stanchion.system.processes import die_with_parent, end

_GRANTED = "OMP_NUM_THREADS"
"""The variable in which Snakemake tells a job how many threads it was granted."""
_BLOCK = 1 << 16
_LOOK_SECONDS = 1.0
"""Seconds between two looks at what runs, where somebody looks."""
_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
"""What ends a step: it waits until a fork is either on the list or within its own call."""


class LostError(Exception):
    """A child ended without a whole answer: it was killed."""


class EndedError(Exception):
    """A child was ended because nothing was to be had of it any more."""


@dataclass
class _Child:
    index: int
    process: int
    pipe: int
    answer: bytes = b""
    is_ended: bool = False


def granted_threads(reserved: int) -> int:
    """Return how many threads the job may use, at most those that it reserved."""
    text = os.environ.get(_GRANTED, "")
    return max(1, min(reserved, int(text))) if text.isdecimal() else reserved


def together[T](
    calls: Sequence[Callable[[], T]],
    at_once: int,
    hopeless: Callable[[Mapping[int, T | Exception], Sequence[int]], Collection[int]] | None = None,
) -> list[T | Exception]:
    """Make calls in children, so many at once; return what each returned or raised, in order.

    `hopeless` is asked now and then which of those that run are to be ended, by the results so far
    and the indices of those that run. What ends this process meanwhile ends the children
    first. A child that was killed gives a LostError, one that was ended an EndedError.
    """
    results: dict[int, T | Exception] = {}
    waiting, running = list(enumerate(calls)), list[_Child]()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                _start(*waiting.pop(0), running)
            for child in _ended(running, None if hopeless is None else _LOOK_SECONDS):
                running.remove(child)
                results[child.index] = _result(child)
            if hopeless is not None and running:
                indices = hopeless(results, [child.index for child in running])
                for child in running:
                    if child.index in indices and not child.is_ended:
                        child.is_ended = True
                        end([child.process], signal.SIGTERM)
    except BaseException:
        end([child.process for child in running], signal.SIGTERM)
        for child in running:
            _wait(child)
        raise
    return [results[index] for index in range(len(calls))]


def _start[T](index: int, call: Callable[[], T], running: list[_Child]) -> None:
    """Fork a child for a call, and add it to those that run."""
    reading, writing = os.pipe()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    process = -1
    try:
        process = os.fork()
        if process:
            os.close(writing)
            running.append(_Child(index, process, reading))
        else:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(reading)
            if die_with_parent(signal.SIGTERM, parent):
                _answer(writing, call)
    finally:
        if not process:
            os._exit(0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _answer[T](pipe: int, call: Callable[[], T]) -> None:
    """Write what a call returns or raises; an interruption is no answer."""
    try:
        result: T | Exception = call()
    except Exception as error:
        result = error
    with os.fdopen(pipe, "wb") as file:
        file.write(pickle.dumps(result))


def _ended(running: Sequence[_Child], seconds: float | None) -> list[_Child]:
    """Read what children say, for so long at most, and return those that have said all."""
    ready, _, _ = select.select([child.pipe for child in running], [], [], seconds)
    ended = []
    for child in running:
        if child.pipe in ready:
            block = os.read(child.pipe, _BLOCK)
            child.answer += block
            if not block:
                ended.append(child)
    return ended


def _result(child: _Child) -> Any:
    _wait(child)
    try:
        return pickle.loads(child.answer)
    except (EOFError, pickle.UnpicklingError):  # none, or a part of one
        return EndedError() if child.is_ended else LostError()


def _wait(child: _Child) -> None:
    """Close the pipe of a child, which may still write to it, and wait until the child is gone."""
    os.close(child.pipe)
    with suppress(ChildProcessError):
        os.waitpid(child.process, 0)

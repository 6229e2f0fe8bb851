"""How a run ends when it is told to: its children first, then itself, within seconds.

Snakemake lets running jobs end in their own time, and a signal to it alone does not reach them. A
thread of ours hears of each signal by Python's wake-up descriptor, whoever handles it.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from stanchion.errors import StoppedError
from stanchion.system.processes import descendants, end, has_word

STEP = "stanchion-step"
SERVER = "stanchion.runs.warm.server"
_HEARD = (signal.SIGINT, signal.SIGTERM)
_GRACE = 25.0
"""Seconds that a step has to save its chain and close its record, before it is killed."""
_PATIENCE = 30.0
"""Seconds that the main thread then has to come to its end, for instance to cancel Slurm's jobs."""
_POLL = 0.1


class Stop:
    """Which signal has stopped the run, if any."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._reading, self._written = os.pipe()
        os.set_blocking(self._written, False)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def begin(self) -> None:
        """Listen, in the main thread."""
        signal.signal(signal.SIGTERM, _interrupt)
        signal.set_wakeup_fd(self._written, warn_on_full_buffer=False)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; what was heard until now has been acted upon when this returns."""
        signal.set_wakeup_fd(-1)
        self._ended.set()
        os.close(self._written)
        self._thread.join()

    def _listen(self) -> None:
        while heard := os.read(self._reading, 64):
            for number in heard:
                if number in _HEARD and self.number is None:
                    self.number = number
                    self._end_children()
                    threading.Thread(target=self._end_at_last, daemon=True).start()
        os.close(self._reading)

    def _end_children(self) -> None:
        name = signal.Signals(self.number or 0).name
        print(f"\nstopped by {name}: ending what runs", file=sys.stderr, flush=True)
        if signal.getsignal(self.number or 0) not in (_interrupt, signal.default_int_handler):
            _thread.interrupt_main(signal.SIGINT)
        late, signalled = time.monotonic() + _GRACE, set[int]()
        while running := _to_end():
            end((process for process in running if process not in signalled), signal.SIGTERM)
            signalled.update(running)
            if time.monotonic() > late:
                end(descendants(os.getpid()), signal.SIGKILL)
            time.sleep(_POLL)

    def _end_at_last(self) -> None:
        if not self._ended.wait(_PATIENCE):
            os._exit(128 + (self.number or 0))


def _to_end() -> list[int]:
    """Return what a signal is meant for: steps, which end their own, and all that are no steps.

    The warm process ends with this one, and what it has forked with the steps that ask it.
    """
    running = descendants(
        os.getpid(), lambda child: not (has_word(child, STEP) or has_word(child, SERVER))
    )
    return [process for process in running if not has_word(process, SERVER)]


@contextmanager
def stopping() -> Iterator[Stop]:
    """End this process' children when it is sent SIGINT or SIGTERM.

    Raises:
        StoppedError: a signal has come.
    """
    before = {number: signal.getsignal(number) for number in _HEARD}
    stop = Stop()
    stop.begin()
    try:
        yield stop
    except BaseException:
        _close(stop)
        if stop.number is None:
            raise
    else:
        _close(stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if stop.number is not None:
        raise StoppedError(stop.number)


def _close(stop: Stop) -> None:
    """Wait until the children are ended, and hear of no second signal meanwhile."""
    for number in (*_HEARD, *_HEARD):
        with suppress(KeyboardInterrupt):
            signal.signal(number, signal.SIG_IGN)
    stop.close()


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt

"""The warm process: forks a child for each step that one run's Snakemake starts on this machine.

    python -m stanchion.runs.warm.server LISTENER LIFE PID

LISTENER is a listening socket, LIFE a pipe that Snakemake's process PID holds open as long as it
lives. One thread, so that a fork is safe; it never runs a step itself.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import shutil
import signal
import socket
import struct
import sys
import time
from functools import partial
from pathlib import Path

from stanchion.pictures.catalogue import PICTURES
from stanchion.plan.argument_json import adapter
from stanchion.plan.catalogue import STEPS
from stanchion.runs.warm import ACCEPTED, OFFERED, REFUSED
from stanchion.runs.warm.child import become
from stanchion.runs.warm.request import Request
from stanchion.system.processes import parent_of

_FRAMES = ("pyarrow.pandas_compat", "pyarrow.vendored.version", "encodings.utf_8_sig")
_READING = ("h5netcdf.legacyapi", "h5py._hl.dims", "encodings.ascii", *_FRAMES)
_DRAWING = (
    *sorted({row.module for row in PICTURES.values()}),
    "arviz_plots.backend.matplotlib",
    "matplotlib.backends.backend_agg",
    "arviz_plots.backend.none",
    "xarray.computation.nanops",
)
ALWAYS = ("pwd", "encodings.utf_16_be")
ALSO = {
    "make_table": _FRAMES,
    "prepare_data": _FRAMES,
    "prepare_quantities_data": _FRAMES,
    "collect_draws": (*_READING, "pandas.io.formats.csvs"),
    "diagnose_fit": (*_READING, *_DRAWING, "stanchion.stats.energy"),
    "predict_outcomes": (*_READING, *_DRAWING, "numpy.random", "arviz_stats"),
    "summarise_effects": (*_READING, *_DRAWING, "encodings.cp437"),
    "rescale_coefficients": (*_READING, "pandas.io.formats.csvs"),
    "draw_plot": (*_READING, *_DRAWING, "stanchion.pictures.bands", "arviz_stats"),
    "sample_prior": (*_READING, *_DRAWING),
    "compare_models": (*_READING, "arviz_stats"),
    "answer_questions": (*_READING, "arviz_stats"),
    "write_report": ("encodings.unicode_escape", "email.parser"),
    "write_tables": ("encodings.cp437",),
}
"""What a step imports only once it runs: without it each child would do it again."""
_FORMULA = b"design("
"""Where it stands in a job file, the step needs formulaic, and else not: it takes a second."""
_PREPARED: set[str] = set()
_GRACE = 20.0
"""Seconds that steps get to end themselves when their run is gone."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Server:
    """The loop over clients' connections, ends of children, and the life of Snakemake's process."""

    def __init__(self, listener: socket.socket, life: int, run: int) -> None:
        self.listener, self.run_process = listener, run
        self.process = os.getpid()
        self.children: dict[int, socket.socket] = {}
        self.selector = selectors.DefaultSelector()
        self.woken, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.run_is_over = False
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self.selector.register(listener, selectors.EVENT_READ, self.connect)
        self.selector.register(self.woken, selectors.EVENT_READ, self.reap)
        self.selector.register(life, selectors.EVENT_READ, self.end)

    def serve(self) -> None:
        """Serve until Snakemake's process is gone, then end what still runs."""
        while not self.run_is_over:
            for key, _ in self.selector.select():
                key.data()

    def connect(self) -> None:
        """Take a client's connection, if it is a step that this run's Snakemake has started."""
        connection, _ = self.listener.accept()
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        process, user, _ = struct.unpack("3i", credentials)
        if user != os.geteuid() or parent_of(process) != self.run_process:
            connection.close()
            return
        connection.setblocking(False)
        hear = partial(self.hear_client, connection, Request())
        self.selector.register(connection, selectors.EVENT_READ, hear)

    def hear_client(self, connection: socket.socket, request: Request) -> None:
        """Read on in a client's request; offer a fork when it is whole, fork when it is taken."""
        try:
            if not request.is_whole:
                request.read(connection)
                if request.is_whole:
                    prepare(request.step, request.job)
                    connection.send(OFFERED if count_threads() == 1 else REFUSED)
                return
            accepted = connection.recv(1) == ACCEPTED
        except BlockingIOError:
            return
        except (OSError, ValueError):
            accepted = False
        self.selector.unregister(connection)
        if accepted:
            self.fork(connection, request)
        else:
            connection.close()
        request.close()

    def fork(self, connection: socket.socket, request: Request) -> None:
        """Fork the child that is the step; it keeps the connection open as long as it lives."""
        child = os.fork()
        if child == 0:
            become(request, connection, self.process)
        self.children[child] = connection
        forward = partial(self.forward_signals, connection, child)
        self.selector.register(connection, selectors.EVENT_READ, forward)

    def forward_signals(self, connection: socket.socket, child: int) -> None:
        """Pass on the signals that a client got; where the client is gone, its step must end."""
        if child not in self.children:
            return
        try:
            numbers = connection.recv(64)
        except BlockingIOError:
            return
        except OSError:
            numbers = b""
        if not numbers:
            self.selector.unregister(connection)
        for number in numbers or bytes([signal.SIGTERM]):
            if number in _SIGNALS:
                os.kill(child, number)

    def reap(self) -> None:
        """Tell the clients of ended children how they ended."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.woken, 4096)
        while self.children:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            connection = self.children.pop(child)
            with contextlib.suppress(OSError):
                connection.send(struct.pack("=i", status))
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(connection)
            connection.close()

    def end(self) -> None:
        """End the steps of a run that is gone, as they end with it where they run alone."""
        self.run_is_over = True
        for child in self.children:
            os.kill(child, signal.SIGTERM)
        until = time.monotonic() + _GRACE
        while self.children and time.monotonic() < until:
            self.reap()
            time.sleep(0.02)
        for child in self.children:
            os.kill(child, signal.SIGKILL)
        shutil.rmtree(Path(self.listener.getsockname()).parent, ignore_errors=True)


def prepare(step: str, job: Path) -> None:
    """Import, once, what a step of this kind imports; its child says what is wrong with it."""
    if step not in STEPS:
        return
    names = [f"stanchion.steps.{step}", *ALWAYS, *ALSO.get(step, ())]
    if ALSO.get(step) is _FRAMES and _holds_formula(job):
        names.append("formulaic")
    missing = [name for name in names if name not in _PREPARED]
    if not missing:
        return
    _PREPARED.update(missing)
    for name in missing:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    adapter(STEPS[step].arguments)
    pictures = sys.modules.get("stanchion.pictures.style")
    if pictures is not None:
        pictures.placeholder("")  # loads the fonts and what writes PNG
    gc.collect()
    gc.freeze()


def _holds_formula(job: Path) -> bool:
    try:
        return _FORMULA in job.read_bytes()
    except OSError:
        return False


def count_threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def main() -> None:
    """Serve with the files whose numbers stand on the command line."""
    listener, life, run = (int(word) for word in sys.argv[1:])
    for file in (listener, life):
        os.set_inheritable(file, False)
    gc.disable()
    Server(socket.socket(fileno=listener), life, run).serve()


if __name__ == "__main__":
    main()

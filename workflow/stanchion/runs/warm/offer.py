"""Offers the steps of this process, Snakemake's, a warm process; the first that asks starts it."""

from __future__ import annotations

import atexit
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from stanchion.runs.warm import COMMAND, OFF, VARIABLE
from stanchion.runs.warm.folders import PREFIX, SOCKET, hold, sweep

THREADLESS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""Under these no library starts a thread when it is imported: a process forks safely with one."""
_WAITING = 4096
_CLIENT = """\
#!{python} -IS
import sys
sys.path.insert(0, {packages!r})
from stanchion.runs.warm.client import entry
entry()
"""
_LONGEST_FIRST_LINE = 127
"""Bytes of a first line that every kernel reads to its end."""


def offer_warm_process() -> None:
    """Let the steps that this process starts find a warm process; once is enough.

    Nothing is started before a step asks, so that a dry run starts nothing. Where no socket can be
    made, each step runs in a process of its own.
    """
    offer = os.environ.get(VARIABLE, "")
    if offer == OFF or offer.startswith(f"{os.getpid()}:"):
        return
    os.environ.pop(VARIABLE, None)
    try:
        folder, lock, listener = _listen()
    except OSError:
        return
    os.environ[VARIABLE] = f"{os.getpid()}:{folder}/{SOCKET}"
    write_client(Path(folder))
    _start_when_asked(folder, lock, listener)


def write_client(folder: Path) -> None:
    """Put a client before the installed one that starts in half its time, where that can be.

    It needs no libraries, so that `site` need not look for them; without it the installed one runs.
    """
    text = _CLIENT.format(python=sys.executable, packages=str(Path(__file__).parents[3]))
    line = text.partition("\n")[0].encode()
    client = folder / COMMAND
    if len(line) > _LONGEST_FIRST_LINE or len(line.split()) != 2:
        return
    try:
        client.write_text(text)
        client.chmod(0o700)
    except OSError:
        return
    if os.access(client, os.X_OK):
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def _start_when_asked(folder: str, lock: Sequence[int], listener: socket.socket) -> None:
    alive, life = os.pipe()
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        select.select([listener], [], [])
        numbers = (listener.fileno(), alive)
        command = [sys.executable, "-m", "stanchion.runs.warm.server", *map(str, numbers)]
        environment = {**os.environ, **THREADLESS}
        with listener:
            started.append(
                subprocess.Popen(
                    [*command, str(os.getpid())],
                    pass_fds=(*numbers, *lock),
                    stdin=subprocess.DEVNULL,
                    env=environment,
                )
            )
        os.close(alive)

    def end() -> None:
        os.close(life)
        for process in started:
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)

    threading.Thread(target=start, daemon=True).start()
    atexit.register(end)


def _listen() -> tuple[str, list[int], socket.socket]:
    """Bind a socket in a new folder that only this user may enter; its path must be short.

    Return the folder, the open file of its lock and the socket. What killed runs left is swept.

    Raises:
        OSError: there is no place for one.
    """
    for parent in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp", "/dev/shm"):
        if parent is None:
            continue
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        folder, lock = None, list[int]()
        try:
            sweep(Path(parent))
            folder = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
            lock = hold(Path(folder))
            listener.bind(f"{folder}/{SOCKET}")
            listener.listen(_WAITING)
        except OSError:
            listener.close()
            for descriptor in lock:
                os.close(descriptor)
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            continue
        return folder, lock, listener
    raise OSError("no place for a socket")

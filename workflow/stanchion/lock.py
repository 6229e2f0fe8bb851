"""One run at a time in a project's folder, by a kernel lock that is gone with its process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from stanchion.errors import StanchionError
from stanchion.paths import STATE

_HELD: dict[Path, int] = {}


def lock_project() -> None:
    """Take this folder's lock for the rest of the process; again in one process is no change.

    Raises:
        StanchionError: another run holds it.
    """
    path = Path(STATE).absolute() / "lock"
    if path in _HELD:
        return
    path.parent.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 100, 0).decode(errors="replace").strip()
        os.close(descriptor)
        raise StanchionError(
            f"another run is going on in this folder ({holder or 'process unknown'})",
            where=str(Path.cwd()),
            todo="wait until it ends, or stop it",
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
    _HELD[path] = descriptor

"""One run at a time in a project's folder, by a kernel lock that is gone with its process."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from stanchion.errors import StanchionError
from stanchion.system.folders import STATE

_HELD: dict[Path, int] = {}
_LOOKING = {"--dag", "--rulegraph", "--filegraph", "--d3dag", "--summary", "-S", "--lint", "-l"}
_LOOKING |= {"--detailed-summary", "-D", "--list-rules", "--list", "--list-target-rules", "--lt"}
_LOOKING |= {"--list-changes", "--lc", "--list-input-changes", "--li", "--list-params-changes"}
_LOOKING |= {"--lp", "--list-untracked", "--lu", "--print-compilation"}
"""Arguments with which Snakemake changes nothing: they are welcome while a run goes on."""


def lock_project() -> bool:
    """Take this folder's lock for the rest of the process; again in one process is no change.

    Return False where the file system knows no such locks: Snakemake's own then have to do.

    Raises:
        StanchionError: another run holds it.
    """
    path = Path(STATE).absolute() / "lock"
    if path in _HELD:
        return True
    path.parent.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 100, 0).decode(errors="replace").strip()
        os.close(descriptor)
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise StanchionError(
            f"another run is going on in this folder ({holder or 'process unknown'})",
            where=str(Path.cwd()),
            todo="wait until it ends, or stop it",
        ) from error
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
    _HELD[path] = descriptor
    _forget_dead_locks()
    return True


def lock_for_snakemake(arguments: Sequence[str]) -> None:
    """Take the lock for a plain `snakemake`, unless its arguments say that it only looks.

    Raises:
        StanchionError: another run holds it.
    """
    if not any(word.partition("=")[0] in _LOOKING for word in arguments):
        lock_project()


def _forget_dead_locks() -> None:
    """Remove the locks of a Snakemake that was killed; the kernel's lock proves it is gone."""
    shutil.rmtree(".snakemake/locks", ignore_errors=True)

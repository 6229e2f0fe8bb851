"""The folders that warm processes listen in: a lock says that one is used, the rest are swept.

A run that ends removes its own. One that is killed with its warm process cannot, and the next that
starts does it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

PREFIX = "stanchion-"
SOCKET = "socket"


def _lock_in(folder: Path) -> Path:
    """Return a folder's lock, which another machine's processes never take for theirs."""
    return folder / f"lock-{os.uname().nodename}"


def hold(folder: Path) -> list[int]:
    """Lock a new folder, before its socket is there, until each process with the file has ended.

    Return the open file, or none where the file system knows no locks: nobody sweeps it then.

    Raises:
        OSError: the folder takes no file.
    """
    descriptor = os.open(_lock_in(folder), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        _lock_in(folder).unlink()
        return []
    return [descriptor]


def sweep(parent: Path) -> None:
    """Remove this user's folders whose lock nobody holds; one without lock or socket stays."""
    with suppress(OSError):
        for folder in parent.glob(f"{PREFIX}*"):
            with suppress(OSError):
                if _is_own(folder):
                    _remove_unless_held(folder)


def _is_own(folder: Path) -> bool:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return False
    return stat.S_ISSOCK((folder / SOCKET).lstat().st_mode)


def _remove_unless_held(folder: Path) -> None:
    """Remove a folder; raises OSError where it has no lock, or a living process holds it."""
    descriptor = os.open(_lock_in(folder), os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)

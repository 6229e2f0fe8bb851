"""Names of what a process writes before it is whole, and the sweep of what killed ones left."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

_FOREIGN_AGE = 30 * 24 * 3600
"""Seconds for which another machine's entry may rest: longer than any step writes nothing."""


def own_name(stem: str) -> str:
    """Return a name that says which process of which machine an entry belongs to."""
    return f"{stem}-{os.uname().nodename}-{os.getpid()}"


def beside(path: Path, kind: str) -> Path:
    """Return a hidden name of this process's own beside a path, on the same file system."""
    return path.with_name(own_name(f".{path.name}.{kind}"))


def sweep(folder: Path) -> None:
    """Remove the entries of `own_name` in a folder that belong to no living process.

    Of another machine's processes nothing is known: theirs go when they have rested for a month.
    """
    with suppress(OSError):
        for entry in folder.iterdir():
            if is_orphaned(entry):
                remove(entry)


def is_orphaned(entry: Path) -> bool:
    """Tell whether an entry has a name by `own_name`, of a process that lives no more."""
    rest, _, number = entry.name.rpartition("-")
    if not number.isdecimal():
        return False
    if rest.endswith(f"-{os.uname().nodename}"):
        return not is_alive(int(number))
    return time.time() - _last_change(entry) > _FOREIGN_AGE


def is_alive(process: int) -> bool:
    """Tell whether this machine has a process of this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _last_change(entry: Path) -> float:
    """Return the last modification of an entry or of anything in it; now where it cannot tell."""
    try:
        inside = entry.rglob("*") if entry.is_dir() else ()
        return max(path.lstat().st_mtime for path in (entry, *inside))
    except OSError:
        return time.time()


def remove(entry: Path) -> None:
    """Remove a file, a link or a folder, as far as that is allowed."""
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        with suppress(OSError):
            entry.unlink()

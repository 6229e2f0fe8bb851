"""What is known of a file's content without reading it again: size, times and inode → SHA-256.

Stamps are local to a folder and prove nothing elsewhere: a copied or restored file has another
inode and is hashed once. A time that was set back does not hide an edit, since the kernel keeps
the time of the change itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from stanchion.system.hashes import file_hashes
from stanchion.system.writing import write_whole

_SETTLING = 50_000_000
"""Nanoseconds within which a file system may give two changes the same time."""


class Content(NamedTuple):
    """What a file holds: its size in bytes and its SHA-256."""

    size: int
    sha256: str


class Stamp(NamedTuple):
    """A file as it was when it was hashed; times in nanoseconds."""

    size: int
    modified: int
    changed: int
    inode: int

    @classmethod
    def of(cls, path: str | Path) -> Stamp:
        """Return a file's stamp; raises OSError where there is none."""
        status = Path(path).stat()
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    def same_file(self, other: Stamp) -> bool:
        """Tell whether the other is this file after it was renamed."""
        return self[:2] == other[:2] and self.inode == other.inode


def contents(files: Mapping[str, str], path: str) -> dict[str, Content]:
    """Return what each file holds; hash those that changed since their stamp was kept at `path`.

    Raises:
        OSError: a file is missing or cannot be read.
    """
    stored = _read(path)
    stamps = {name: Stamp.of(path) for name, path in files.items()}
    fresh = [name for name in files if stored.get(name, (None,))[0] != stamps[name]]
    if not fresh:
        return {name: Content(stamps[name].size, stored[name][1]) for name in files}
    hashes = dict(zip(fresh, file_hashes([Path(files[name]) for name in fresh]), strict=True))
    stamped = {
        name: (stamps[name], hashes[name] if name in hashes else stored[name][1]) for name in files
    }
    keep(
        path,
        {name: entry for name, entry in stamped.items() if _has_settled(files[name], entry[0])},
    )
    return {name: Content(stamp.size, digest) for name, (stamp, digest) in stamped.items()}


def keep(path: str, stamped: Mapping[str, tuple[Stamp, str]]) -> None:
    """Keep stamps and hashes by name; that they cannot be written costs time only."""
    text = json.dumps({name: [*stamp, digest] for name, (stamp, digest) in stamped.items()})
    with suppress(OSError):
        write_whole(path, text + "\n")


def _has_settled(path: str, stamp: Stamp) -> bool:
    """Tell whether a file did not change while it was hashed, and any later edit would show."""
    age = time.time_ns() - max(stamp.modified, stamp.changed)
    return age > _SETTLING and Stamp.of(path) == stamp


def _read(path: str) -> dict[str, tuple[Stamp, str]]:
    try:
        content: dict[str, Any] = json.loads(Path(path).read_text())
        return {name: (Stamp(*row[:4]), str(row[4])) for name, row in content.items()}
    except (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return {}

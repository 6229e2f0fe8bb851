"""Declared files are files: a pipe or a device would be read for ever."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

_KINDS = [
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISDIR, "a folder"),
]


def require_file(path: Path) -> None:
    """Refuse what is no regular file, nor a link to one, without opening it.

    Raises:
        OSError: it is not there, or something else.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        kind = next((words for is_kind, words in _KINDS if is_kind(mode)), "something else")
        raise OSError(errno.EINVAL, f"this is {kind}, not a file", str(path))


def read_bounded(path: Path, most: int) -> bytes:
    """Return a file's content.

    Raises:
        OSError: it is not there, is no file, or is larger than `most` bytes.
    """
    require_file(path)
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"the file has more than {most / 1e6:g} MB", str(path))
    return content

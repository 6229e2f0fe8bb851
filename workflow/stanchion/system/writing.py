"""Text files that are whole or absent, also where the writer is killed or the disk is full."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from stanchion.system.temporaries import own_name


def write_whole(path: str | Path, text: str) -> None:
    """Write a file in one rename; its folder is made where it is missing.

    Raises:
        OSError: it cannot be written; nothing of it is left, and the error names the file.
    """
    _write(Path(path), text, os.replace)


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, whole or not at all.

    Raises:
        FileExistsError: there is such a file.
        OSError: it cannot be written; nothing of it is left, and the error names the file.
    """
    _write(path, text, _link)


def _write(target: Path, text: str, publish: Callable[[Path, Path], None]) -> None:
    temporary = target.with_name(own_name(f".{target.name}"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(text)
            publish(temporary, target)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
    except OSError as error:
        error.filename, error.filename2 = str(target), None
        raise


def _link(temporary: Path, target: Path) -> None:
    """Give a file its name where nothing has it; without hard links, by copying it there."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:
        with target.open("x") as file:
            file.write(temporary.read_text())

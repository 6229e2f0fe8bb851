"""SHA-256 of files, bytes and texts; the standard library only, since every step hashes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

_LARGE = 32 << 20
"""Bytes above which threads are worth their import, some milliseconds."""


def content_hash(content: bytes) -> str:
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def text_hash(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8."""
    return content_hash(text.encode())


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_hashes(paths: Sequence[Path]) -> list[str]:
    """Return each file's SHA-256, in order; where they are large, on all cores allowed to us.

    Raises:
        OSError: a file cannot be read.
    """
    workers = min(len(paths), len(os.sched_getaffinity(0)))
    if workers < 2 or sum(path.stat().st_size for path in paths) < _LARGE:
        return [file_hash(path) for path in paths]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(file_hash, paths))

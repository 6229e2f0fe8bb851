"""SHA-256 of many files: where they are large, on all cores that this process may use."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

_LARGE = 32 << 20
"""Bytes above which threads are worth their import, some milliseconds."""


def sha256_of_files(paths: Sequence[Path]) -> list[str]:
    """Return each file's SHA-256, in order; hashing lets other threads run meanwhile.

    Raises:
        OSError: a file cannot be read.
    """
    workers = min(len(paths), len(os.sched_getaffinity(0)))
    if workers < 2 or sum(path.stat().st_size for path in paths) < _LARGE:
        return [_sha256(path) for path in paths]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(_sha256, paths))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""The cache of results by key: shared between projects and users, safe for parallel writers.

An entry is a folder `steps/<rule>/<key>` with the step's outputs and `entry.json`, which names
each file's SHA-256. It is made beside its place and renamed, so that it is whole or absent; it is
hashed on the way out, so that a damaged one is never used.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = 1 << 20


def cache_root() -> Path:
    """Return $STANCHION_CACHE, else $XDG_CACHE_HOME/stanchion, else ~/.cache/stanchion."""
    if chosen := os.environ.get("STANCHION_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "stanchion"


@dataclass(frozen=True)
class Cache:
    """Results by step and key."""

    root: Path

    def fetch(self, step: str, key: str, outputs: Mapping[str, Path]) -> dict[str, Any] | None:
        """Copy an entry's files to `outputs` and return its description, or None without one."""
        folder = self._folder(step, key)
        try:
            entry: dict[str, Any] = json.loads((folder / "entry.json").read_text())
            for name, target in outputs.items():
                if _copy(folder / name, target) != entry["outputs"][name]:
                    raise ValueError(name)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError):
            shutil.rmtree(folder, ignore_errors=True)
            return None
        return entry

    def store(self, step: str, key: str, outputs: Mapping[str, Path], origin: str) -> None:
        """Keep a copy of the outputs; `origin` names the record of the run that made them.

        Raises:
            OSError: the cache cannot be written, for instance because the disk is full.
        """
        folder = self._folder(step, key)
        if folder.exists():
            return
        making = folder.with_name(f".{key}.{os.uname().nodename}.{os.getpid()}")
        try:
            making.mkdir(parents=True)
            hashes = {name: _copy(path, making / name) for name, path in outputs.items()}
            entry = {"schema": "stanchion/entry/1", "origin": origin, "outputs": hashes}
            (making / "entry.json").write_text(json.dumps(entry))
            making.rename(folder)
        except OSError:
            shutil.rmtree(making, ignore_errors=True)
            if not folder.exists():
                raise

    @contextmanager
    def alone(self, step: str, key: str) -> Iterator[None]:
        """Hold the lock of one key; who had to wait for it finds the entry in the cache.

        The kernel frees it when its process ends, however it ends. Where the file system knows no
        locks, or the cache may not be written, everybody goes on at once: that costs time only.
        """
        place = self.root / "locks" / step / key
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            lock = place.open("w")
        except OSError:
            yield
            return
        with lock:
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield
            finally:
                with suppress(OSError):
                    place.unlink()

    def _folder(self, step: str, key: str) -> Path:
        return self.root / "steps" / step / key[:2] / key


def _copy(source: Path, target: Path) -> str:
    """Copy a file with its run bit and return its SHA-256."""
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("wb") as written:
        while block := read.read(_BLOCK):
            digest.update(block)
            written.write(block)
    shutil.copymode(source, target)
    return digest.hexdigest()

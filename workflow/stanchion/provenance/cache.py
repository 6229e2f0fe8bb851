"""The cache of results by key: shared between projects and users, safe for parallel writers.

An entry is a folder `steps/<rule>/<key>` with the step's outputs and `entry.json`, which names
each file's SHA-256 and the version of the step that made it. It is made beside its place and
renamed, so that it is whole or absent; it is hashed on the way out, so that a damaged one is never
used. It goes where its own bytes are wrong, and the next result of its key takes its place; where
it was long not used (`stanchion cache prune`): the time of `entry.json` says when that was; or
where it is the beginning of a chain that was made in rounds.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from stanchion import __version__
from stanchion.system.hashes import file_hash
from stanchion.system.temporaries import beside, remove, sweep
from stanchion.system.usage import note_use

SCHEMA = "stanchion/entry/3"
_BLOCK = 1 << 20


class _BrokenError(Exception):
    """An entry's own files are not what it says of them."""


class _UnreadableError(Exception):
    """An entry cannot be read by this user or at this moment, which says nothing of its bytes."""


@dataclass(frozen=True)
class Cache:
    """Results by step and key."""

    root: Path

    def fetch(
        self, step: str, key: str, outputs: Mapping[str, Path], version: int
    ) -> dict[str, Any] | None:
        """Copy an entry's files to `outputs` and return its description, or None without one.

        An entry of another version of the step is none; one that is damaged is removed.

        Raises:
            OSError: a copy cannot be written, for instance because the disk is full.
        """
        folder = self._folder(step, key)
        try:
            entry = _described(folder)
            if entry is None or entry["version"] != version:
                return None
            note_use(folder / "entry.json")
            for name, target in outputs.items():
                if _copy(folder / name, target) != entry["outputs"].get(name):
                    raise _BrokenError(name)
        except (_BrokenError, _UnreadableError) as error:
            for target in outputs.values():
                target.unlink(missing_ok=True)
            if isinstance(error, _BrokenError):
                self._remove_broken(folder, outputs)
            return None
        return entry

    def store(
        self,
        step: str,
        key: str,
        outputs: Mapping[str, Path],
        origin: Mapping[str, Any],
        version: int,
        hashes: Mapping[str, str],
    ) -> None:
        """Keep a copy of the outputs; `origin` describes the record of the run that made them.

        An entry that is whole stays; a damaged one, or one of another version, is replaced. Of
        outputs that have not the SHA-256 that their step recorded nothing is kept.

        Raises:
            OSError: the cache cannot be written, for instance because the disk is full.
        """
        folder = self._folder(step, key)
        if _is_whole(folder, outputs, version):
            return
        making = beside(folder, "new")
        try:
            making.mkdir(parents=True)
            sweep(folder.parent)
            if {name: _copy(path, making / name) for name, path in outputs.items()} != hashes:
                return
            entry = {
                "schema": SCHEMA,
                "step": step,
                "version": version,
                "stanchion": __version__,
                "origin": dict(origin),
                "outputs": dict(hashes),
            }
            (making / "entry.json").write_text(json.dumps(entry))
            _set_aside(folder)
            making.rename(folder)
        except (_BrokenError, _UnreadableError):
            return
        except OSError:
            if not _is_whole(folder, outputs, version):
                raise
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def remove(self, step: str, key: str) -> None:
        """Remove an entry whose result is to be had from another one; who reads it makes it."""
        with suppress(OSError):
            _set_aside(self._folder(step, key))

    def _remove_broken(self, folder: Path, outputs: Iterable[str]) -> None:
        """Remove an entry, unless another writer has replaced it by a whole one meanwhile."""
        with suppress(_BrokenError, _UnreadableError):
            entry = _described(folder)
            if entry is None or _is_whole(folder, outputs, entry["version"]):
                return
        with suppress(OSError):
            _set_aside(folder)

    @contextmanager
    def alone(self, step: str, key: str) -> Iterator[None]:
        """Hold the lock of one key; who had to wait for it finds the entry in the cache.

        The kernel frees it when its process ends, however it ends. Where the file system knows no
        locks, or the cache may not be written, everybody goes on at once: that costs time only.
        """
        path = self.root / "locks" / step / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = path.open("w")
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
                    path.unlink()

    def _folder(self, step: str, key: str) -> Path:
        return self.root / "steps" / step / key[:2] / key


def _described(folder: Path) -> dict[str, Any] | None:
    """Return an entry's description; None where there is no entry, or one of another schema."""
    try:
        entry = json.loads((folder / "entry.json").read_bytes())
    except FileNotFoundError:
        if folder.is_dir():
            raise _BrokenError("entry.json") from None
        return None
    except OSError as error:
        raise _UnreadableError(str(error)) from error
    except ValueError as error:
        raise _BrokenError("entry.json") from error
    if not isinstance(entry, dict):
        raise _BrokenError("entry.json")
    if entry.get("schema") != SCHEMA:
        return None
    if not (isinstance(entry.get("outputs"), dict) and {"version", "origin"} <= entry.keys()):
        raise _BrokenError("entry.json")
    return entry


def _is_whole(folder: Path, outputs: Iterable[str], version: int) -> bool:
    """Tell whether an entry of this version stands there with every file as it was stored."""
    try:
        entry = _described(folder)
        return (
            entry is not None
            and entry["version"] == version
            and all(file_hash(folder / name) == entry["outputs"].get(name) for name in outputs)
        )
    except (OSError, _BrokenError, _UnreadableError):
        return False


def _set_aside(folder: Path) -> None:
    """Take an entry out of its place in one rename, then remove it."""
    aside = beside(folder, "old")
    with suppress(FileNotFoundError):
        folder.rename(aside)
    remove(aside)


def _copy(source: Path, target: Path) -> str:
    """Copy a file with its run bit and return its SHA-256.

    Raises:
        _BrokenError: there is no source.
        _UnreadableError: the source cannot be read.
        OSError: the target cannot be written.
    """
    digest = hashlib.sha256()
    try:
        with _opened(source) as read, target.open("wb") as written:
            while block := _block(read):
                digest.update(block)
                written.write(block)
            os.fchmod(written.fileno(), os.fstat(read.fileno()).st_mode & 0o777)
    except OSError as error:
        error.filename = error.filename or str(target)
        raise
    return digest.hexdigest()


def _opened(source: Path) -> BinaryIO:
    try:
        return source.open("rb")
    except FileNotFoundError as error:
        raise _BrokenError(source.name) from error
    except OSError as error:
        raise _UnreadableError(str(error)) from error


def _block(source: BinaryIO) -> bytes:
    try:
        return source.read(_BLOCK)
    except OSError as error:
        raise _UnreadableError(str(error)) from error

"""Manifests: every file of an analysis with its size, SHA-256, key and record.

A manifest holds no clock and no host: the same results give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stanchion.errors import Fault, VersioningError
from stanchion.provenance.hashes import file_hashes

SCHEMA = "stanchion/manifest/1"
_ENDED_WELL = ("done", "reused")


@dataclass(frozen=True)
class Entry:
    """One file; `key` and `record` are those of the step that made it, where a step did."""

    path: str
    size: int
    sha256: str
    key: str | None
    record: str | None


@dataclass(frozen=True)
class Manifest:
    """The files of one analysis, sorted by path."""

    analysis: str
    files: tuple[Entry, ...]

    def text(self) -> str:
        """Return the manifest as JSON, a line a file."""
        rows = ",\n".join(json.dumps(asdict(entry), ensure_ascii=False) for entry in self.files)
        head = json.dumps({"schema": SCHEMA, "analysis": self.analysis})[:-1]
        return f'{head}, "files": [\n{rows}\n]}}\n'

    @property
    def sha256(self) -> str:
        """The SHA-256 of the text."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    @property
    def size(self) -> int:
        """Size of all files, in bytes."""
        return sum(entry.size for entry in self.files)


def manifest_path(analysis: str) -> Path:
    """Return where an analysis's manifest lies."""
    return Path(f"results/{analysis}.manifest.json")


def pointer_of(analysis: str) -> str:
    """Return the path of an analysis's DVC pointer."""
    return f"results/{analysis}.dvc"


def folder_of(analysis: str) -> Path:
    """Return the folder of an analysis's results."""
    return Path(f"results/{analysis}")


def files_in(folder: Path) -> list[Path]:
    """Return every file below a folder, sorted by path."""
    return sorted(path for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        VersioningError: it is not there, or is no manifest.
    """
    try:
        content = json.loads(path.read_text())
        if content["schema"] != SCHEMA:
            raise ValueError(content["schema"])
        return Manifest(content["analysis"], tuple(Entry(**entry) for entry in content["files"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VersioningError("this is not a manifest that can be read", where=str(path)) from error


def make_manifest(analysis: str) -> Manifest:
    """Hash every file of an analysis and find the record that proves it.

    Raises:
        VersioningError: a file is not what the record of the step that made it says, or a record
            cannot be read; names each.
    """
    folder = folder_of(analysis)
    proofs = dict(_proofs(folder))
    entries, faults = [], []
    paths = files_in(folder)
    for path, digest in zip(paths, file_hashes(paths), strict=True):
        size = path.stat().st_size
        proof = proofs.get(str(path))
        if proof is not None and proof.sha256 not in (None, digest):
            faults.append(_altered(path))
        key, record = (proof.key, proof.record) if proof else (None, None)
        entries.append(Entry(str(path), size, digest, key, record))
    if faults:
        raise VersioningError(faults)
    return Manifest(analysis, tuple(entries))


@dataclass(frozen=True)
class Proof:
    """What a record says of a file; the hash is None for key files and records."""

    sha256: str | None
    key: str
    record: str


def _proofs(folder: Path) -> Iterator[tuple[str, Proof]]:
    """Yield the path and proof of each file that a step made, its record and key file included.

    A step's outputs are proved by the record whose key stands in its key file: the latest one.
    """
    for records in sorted(folder.rglob("records/*")):
        if not records.is_dir():
            continue
        contents = {str(path): _read_record(path) for path in sorted(records.glob("*.json"))}
        for path, content in contents.items():
            yield path, Proof(None, content["key"], path)
        key_file = records.parents[1] / ".keys" / records.name
        current = key_file.read_text().split(" ", 1)[0].strip() if key_file.exists() else None
        made = _latest(contents, current)
        if current is not None and made is not None:
            yield str(key_file), Proof(None, current, made)
            for output in contents[made]["outputs"]:
                yield output["path"], Proof(output["sha256"], current, made)


def _latest(contents: Mapping[str, Mapping[str, Any]], key: str | None) -> str | None:
    ended = [
        (content["ended"], path)
        for path, content in contents.items()
        if content["key"] == key and content["state"] in _ENDED_WELL
    ]
    return max(ended)[1] if ended else None


def _read_record(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        if content["schema"] != "stanchion/record/1":
            raise ValueError(content["schema"])
        known = (content["key"], content["state"], content.get("outputs"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VersioningError("this record was altered: it cannot be read", where=str(path)) from (
            error
        )
    if known[1] in _ENDED_WELL and known[2] is None:
        raise VersioningError("this record was altered: it names no outputs", where=str(path))
    return content


def _altered(path: Path) -> Fault:
    return Fault(
        "this file is not what the step that made it wrote",
        where=str(path),
        todo="delete it and run `stanchion run`, which makes it again",
    )

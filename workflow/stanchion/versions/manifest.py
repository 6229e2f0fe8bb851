"""Manifests: every file of an analysis with its size, SHA-256, key and record.

A manifest holds no clock and no host: the same results give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from stanchion.errors import Fault, VersioningError
from stanchion.system.hashes import text_hash
from stanchion.versions.difference import Difference, Kind
from stanchion.versions.results import Results, folder_of

SCHEMA = "stanchion/manifest/1"
_UNREADABLE = "this is not a manifest that can be read"
_AGAIN = (
    "put it back as it was (`stanchion restore`, where it is tracked); an altered result is made "
    "again by `stanchion run`, and after `rm -r` of the analysis's folder all of it is"
)
_TODO = {
    Kind.EXTRA: "put its record back, or move it out of the results: what no step made, or what "
    "has no record, is not tracked",
    Kind.STALE: "run `stanchion run`; `stanchion clean ANALYSIS` removes what is not declared",
}


@dataclass(frozen=True)
class Entry:
    """One file, with key and record of the step that made it."""

    path: str
    size: int
    sha256: str
    key: str
    record: str


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
        return text_hash(self.text())

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


def bringing_back(pointer: Path) -> str:
    """Return the way out where the pointer of an analysis's results here cannot be used."""
    return f"`git restore {pointer}` brings back what git holds; without that, remove it and track"


def read_manifest(path: Path, analysis: str) -> Manifest:
    """Read the manifest of an analysis.

    Raises:
        VersioningError: it is not there, is no manifest, or is another analysis's.
    """
    try:
        text = path.read_text()
    except (OSError, ValueError) as error:
        raise VersioningError(_UNREADABLE, where=str(path)) from error
    return parse_manifest(text, analysis)


def parse_manifest(text: str, analysis: str) -> Manifest:
    """Return the manifest of an analysis from its text.

    Raises:
        VersioningError: it is no manifest, or is another analysis's.
    """
    where, folder = str(manifest_path(analysis)), f"{folder_of(analysis)}/"
    try:
        content = json.loads(text)
        if content["schema"] != SCHEMA:
            raise ValueError(content["schema"])
        manifest = Manifest(
            content["analysis"], tuple(Entry(**entry) for entry in content["files"])
        )
    except (ValueError, KeyError, TypeError) as error:
        raise VersioningError(_UNREADABLE, where=where) from error
    if manifest.analysis != analysis:
        raise VersioningError(f"this is the manifest of {manifest.analysis!r}", where=where)
    for entry in manifest.files:
        if not entry.path.startswith(folder) or ".." in entry.path.split("/"):
            what = f"this manifest names a file outside of {folder}: {entry.path}"
            raise VersioningError(what, where=where)
    return manifest


def make_manifest(results: Results) -> Manifest:
    """List every file of an analysis with the record that proves it.

    Raises:
        VersioningError: a file, a record or the way back to data and programs does not hang
            together; names each.
    """
    if results.custody.faults:
        raise VersioningError([refusal(fault) for fault in results.custody.faults])
    return Manifest(results.analysis, tuple(_entries(results)))


def _entries(results: Results) -> Iterator[Entry]:
    for path, digest in results.hashes.items():
        proof = results.custody.proofs[path]
        yield Entry(path, results.sizes[path], digest, proof.key, proof.path)


def refusal(fault: Difference) -> Fault:
    """Return why something is not tracked, and what to do."""
    todo = _TODO.get(fault.kind, _AGAIN)
    return Fault(f"{fault.kind}: {fault.what}", where=fault.path, todo=todo)

"""`stanchion verify`: results, cache and remote against manifest and records, byte by byte."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from stanchion import versioning
from stanchion.config import load
from stanchion.configfile import declaration_file
from stanchion.errors import VersioningError
from stanchion.provenance.hashes import file_hash
from stanchion.provenance.manifest import (
    Entry,
    Manifest,
    files_in,
    folder_of,
    manifest_path,
    pointer_of,
    read_manifest,
)
from stanchion.provenance.objects import Difference, differences
from stanchion.tracking import tracked_analyses

_CACHE_MAY_LACK = ("missing",)
"""A pruned cache is no alteration: its objects come back from the remote."""


class Finding(IntEnum):
    """The exit code: intact, altered, or cannot tell."""

    INTACT = 0
    ALTERED = 1
    UNKNOWN = 2


@dataclass(frozen=True)
class Verified:
    """What was found of one analysis."""

    analysis: str
    finding: Finding
    files: int
    differences: tuple[Difference, ...]
    because: str | None = None

    def text(self) -> str:
        """Return the finding in words, a line for each difference."""
        if self.finding is Finding.UNKNOWN:
            return f"{self.analysis}: cannot tell: {self.because}"
        if self.finding is Finding.INTACT:
            return f"{self.analysis}: intact, {self.files} files"
        rows = [f"  {d.kind + ':':9}{d.path} ({d.what})" for d in self.differences]
        return "\n".join([f"{self.analysis}: altered", *rows])


def verify(analyses: Sequence[str], *, remote: bool, configfile: Path | None) -> int:
    """Verify analyses, or all that are tracked, print what was found and return the exit code."""
    name = load(declaration_file(configfile)).versioning.remote if remote else None
    names = list(analyses) or tracked_analyses()
    if not names:
        print("cannot tell: nothing is tracked here; run `stanchion track`")
        return Finding.UNKNOWN
    found = [verify_analysis(one, remote=remote, name=name) for one in names]
    print("\n".join(one.text() for one in found))
    codes = {one.finding for one in found}
    return Finding.ALTERED if Finding.ALTERED in codes else max(codes)


def verify_analysis(analysis: str, *, remote: bool, name: str | None) -> Verified:
    """Hold an analysis's files, records and DVC objects to its manifest."""
    if not manifest_path(analysis).exists() and not Path(pointer_of(analysis)).exists():
        why = "it is not tracked; run `stanchion track`"
        return Verified(analysis, Finding.UNKNOWN, 0, (), why)
    try:
        listing, manifest = read_tracked(analysis)
    except VersioningError as error:
        fault = error.faults[0]
        return _altered(analysis, [Difference("altered", fault.where or "", fault.what)])
    found = [*_in_workspace(manifest), *_in_records(manifest)]
    because: str | None = None
    try:
        found += _in_stores(listing, manifest, remote=remote, name=name)
    except (VersioningError, OSError) as error:
        because = str(error)
    if found:
        return _altered(analysis, found)
    if because is not None:
        return Verified(analysis, Finding.UNKNOWN, len(manifest.files), (), because)
    return Verified(analysis, Finding.INTACT, len(manifest.files), ())


def read_tracked(analysis: str) -> tuple[str, Manifest]:
    """Return the MD5 that an analysis's pointer names, and the manifest that the pointer proves.

    Raises:
        VersioningError: one of the two is missing, unreadable or not what the other says.
    """
    path = manifest_path(analysis)
    listing, meta = versioning.read_pointer(Path(pointer_of(analysis)))
    manifest = read_manifest(path)
    try:
        wanted = str(meta["stanchion"]["manifest"])
    except (KeyError, TypeError) as error:
        what = "this pointer names no manifest: `stanchion track` did not write it"
        raise VersioningError(what, where=pointer_of(analysis)) from error
    if file_hash(path) != wanted:
        what = f"this manifest is not the one that {pointer_of(analysis)} names"
        raise VersioningError(what, where=str(path))
    return listing, manifest


def _altered(analysis: str, found: Sequence[Difference]) -> Verified:
    return Verified(analysis, Finding.ALTERED, 0, tuple(found))


def _in_workspace(manifest: Manifest) -> Iterator[Difference]:
    entries = {entry.path: entry for entry in manifest.files}
    for path in files_in(folder_of(manifest.analysis)):
        entry = entries.pop(str(path), None)
        if entry is None:
            yield Difference("extra", str(path), "it was not there when the results were tracked")
        else:
            yield from _compared(path, entry)
    for lost in entries:
        yield Difference("missing", lost, "it was there when the results were tracked")


def _compared(path: Path, entry: Entry) -> Iterator[Difference]:
    try:
        if path.stat().st_size != entry.size or file_hash(path) != entry.sha256:
            yield Difference("altered", entry.path, "its content is not what was tracked")
    except OSError as error:
        yield Difference("missing", entry.path, f"it cannot be read: {error.strerror}")


def _in_records(manifest: Manifest) -> Iterator[Difference]:
    """Yield each file whose record, as it lies there now, does not name the manifest's SHA-256."""
    outputs: dict[str, dict[str, str]] = {}
    for entry in manifest.files:
        if entry.record is None or entry.record == entry.path or "/.keys/" in entry.path:
            continue
        if entry.record not in outputs:
            outputs[entry.record] = _outputs_of(Path(entry.record))
        if outputs[entry.record].get(entry.path) != entry.sha256:
            yield Difference("altered", entry.path, f"{entry.record} does not prove it")


def _outputs_of(record: Path) -> dict[str, str]:
    try:
        content = json.loads(record.read_text())
        return {output["path"]: output["sha256"] for output in content["outputs"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _in_stores(
    listing: str, manifest: Manifest, *, remote: bool, name: str | None
) -> list[Difference]:
    with versioning.repository() as repo:
        cached = differences(versioning.cache_store(repo), listing, manifest)
        found = [one for one in cached if one.kind not in _CACHE_MAY_LACK]
        if remote:
            store = versioning.remote_store(repo, name)
            found += differences(store, listing, manifest)
    return found

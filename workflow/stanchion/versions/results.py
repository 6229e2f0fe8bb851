"""What lies in an analysis's folder: every file, its hash, and what proves it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stanchion.provenance.keyfile import read_line
from stanchion.provenance.stamps import Stamp
from stanchion.system.hashes import file_hashes
from stanchion.versions.custody import Custody, examine, is_key_file, is_record
from stanchion.versions.difference import Difference, Kind

RESULTS = Path("results")


@dataclass(frozen=True)
class Results:
    """The files of an analysis, sorted by path: SHA-256, size in bytes and what proves them."""

    analysis: str
    hashes: Mapping[str, str]
    sizes: Mapping[str, int]
    stamps: Mapping[str, Stamp]
    custody: Custody
    """Its faults hold also what is no plain file."""

    def changed(self) -> list[str]:
        """Return the files that have come, gone or changed since they were hashed."""
        now = {str(path): Stamp.of(path) for path in files_in(folder_of(self.analysis))}
        names = sorted(now.keys() | self.stamps.keys())
        return [name for name in names if now.get(name) != self.stamps.get(name)]


def folder_of(analysis: str) -> Path:
    """Return the folder of an analysis's results."""
    return RESULTS / analysis


def link_in_place() -> str | None:
    """Say of a link in place of the folder of all results where it leads; None without one."""
    if not RESULTS.is_symlink():
        return None
    return f"a link to {RESULTS.readlink()} in place of the folder: neither git nor DVC follows it"


def files_in(folder: Path) -> list[Path]:
    """Return every plain file below a folder, sorted by path; links are not followed."""
    return sorted(path for path, plain in _walk(folder) if plain)


def read_results(
    analysis: str,
    folder: Path | None = None,
    *,
    hashed: Callable[[Sequence[Path]], list[str]] = file_hashes,
    linked: bool = True,
    others: Mapping[str, bytes] | None = None,
) -> Results:
    """Hash every file of an analysis and, where `linked`, follow each back to data and programs.

    A `folder` elsewhere is read as if it lay in the project; `others` are records that do not lie
    in it, by the path that they would have there. `hashed` returns SHA-256 of files, in order.

    Raises:
        OSError: a file cannot be read.
    """
    folder = folder or folder_of(analysis)
    files = {_named(analysis, folder, path): path for path in files_in(folder)}
    stamps = {name: Stamp.of(path) for name, path in files.items()}
    hashes = dict(zip(files, hashed(list(files.values())), strict=True))
    records = {name: path.read_bytes() for name, path in files.items() if is_record(name)}
    lines = {name: read_line(str(path)) for name, path in files.items() if is_key_file(name)}
    custody = examine(hashes, {**(others or {}), **records}, lines, linked=linked)
    faults = [*_odd(analysis, folder), *custody.faults]
    return Results(
        analysis,
        hashes,
        {name: stamp.size for name, stamp in stamps.items()},
        stamps,
        Custody(custody.proofs, custody.current, custody.records, tuple(faults)),
    )


def _named(analysis: str, folder: Path, path: Path) -> str:
    """Return the path that a file of an analysis has in its project."""
    return str(folder_of(analysis) / path.relative_to(folder))


def _odd(analysis: str, folder: Path) -> Iterator[Difference]:
    for path, plain in _walk(folder):
        name = _named(analysis, folder, path)
        if path.is_symlink():
            what = f"a link to {path.readlink()} in place of the file itself"
            yield Difference(Kind.ALTERED, name, what)
        elif not plain:
            yield Difference(Kind.EXTRA, name, "it is neither a file nor a folder")


def _walk(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Yield all that is no real folder, and whether it is a plain file."""
    if folder.is_symlink():
        yield folder, False
        return
    for parent, folders, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            yield path, path.is_file() and not path.is_symlink()
        for name in folders:
            if (path := Path(parent) / name).is_symlink():
                yield path, False

"""What lies in an analysis's folder: every file, its hash, and what proves it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stanchion.provenance.stamps import Stamp
from stanchion.system.hashes import file_hashes
from stanchion.versions.custody import Custody, examine, is_record
from stanchion.versions.difference import Difference, Kind


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
    return Path(f"results/{analysis}")


def files_in(folder: Path) -> list[Path]:
    """Return every plain file below a folder, sorted by path; links are not followed."""
    return sorted(path for path, plain in _walk(folder) if plain)


def read_results(analysis: str) -> Results:
    """Hash every file of an analysis and follow each back to data and programs.

    Raises:
        OSError: a file cannot be read.
    """
    folder = folder_of(analysis)
    paths = files_in(folder)
    stamps = {str(path): Stamp.of(path) for path in paths}
    hashes = dict(zip(stamps, file_hashes(paths), strict=True))
    records = {name: Path(name).read_bytes() for name in stamps if is_record(name)}
    custody = examine(hashes, records)
    faults = [*_odd(folder), *custody.faults]
    return Results(
        analysis,
        hashes,
        {name: stamp.size for name, stamp in stamps.items()},
        stamps,
        Custody(custody.proofs, custody.current, custody.records, tuple(faults)),
    )


def _odd(folder: Path) -> Iterator[Difference]:
    for path, plain in _walk(folder):
        if path.is_symlink():
            what = f"a link to {path.readlink()} in place of the file itself"
            yield Difference(Kind.ALTERED, str(path), what)
        elif not plain:
            yield Difference(Kind.EXTRA, str(path), "it is neither a file nor a folder")


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

"""A fit's Stan CSVs and attempts in one file: a zip that says nothing of when it was made."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stanchion.draws.attempts import Attempt, Attempts
from stanchion.errors import ChainError
from stanchion.methods.method import Method

_ATTEMPTS = "attempts.json"
_CHAIN = "chain_{}.csv"
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Archive:
    """What a procedure leaves: the fit's chains, what was tried, and what else was run."""

    chains: Sequence[Path]
    attempts: Attempts
    others: Mapping[str, Path]
    """Runs that gave no draw of the fit, by the name of their file."""


def attempts_of(method: Method, tried: Sequence[Attempt], retries: Sequence[str] = ()) -> Attempts:
    """Return what was tried for draws of a method, with the settings that it had in the end."""
    return Attempts(
        method=method.method,
        method_version=method.version,
        settings=method.settings,
        tried=tuple(tried),
        retries=tuple(retries),
    )


def write_archive(archive: Archive, target: Path) -> None:
    """Write an archive; its files are stored as they are."""
    chains = {_CHAIN.format(number): path for number, path in enumerate(archive.chains, start=1)}
    with zipfile.ZipFile(target, "w") as file:
        file.writestr(zipfile.ZipInfo(_ATTEMPTS, _EARLIEST), archive.attempts.as_json())
        for name, path in {**chains, **archive.others}.items():
            with path.open("rb") as source:
                entry = zipfile.ZipInfo(name, _EARLIEST)
                entry.file_size = path.stat().st_size
                with file.open(entry, "w") as copy:
                    shutil.copyfileobj(source, copy, _BLOCK)


def read_archive(path: Path, folder: Path) -> Archive:
    """Unpack the chains of an archive into a folder.

    Raises:
        ChainError: it is not whole.
    """
    try:
        with zipfile.ZipFile(path) as file:
            attempts = Attempts.read(file.read(_ATTEMPTS).decode())
            names = set(file.namelist()) - {_ATTEMPTS}
            others = {name: Path(file.extract(name, folder)) for name in sorted(names)}
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ChainError(f"the chains' archive is not whole: {error}", where=str(path)) from error
    chains: list[Path] = []
    while (name := _CHAIN.format(len(chains) + 1)) in others:
        chains.append(others.pop(name))
    return Archive(chains, attempts, others)

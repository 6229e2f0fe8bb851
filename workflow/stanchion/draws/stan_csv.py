"""Reads the Stan CSV of a fit's chains into one array, and takes nothing that is not whole."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stanchion.errors import ChainError
from stanchion.stan.console import MARK

_SETTING = re.compile(r"#\s*(\w+) = (.*?)(?: \(Default\))?\s*$")
_FOOTER = re.compile(rb"#\s+Elapsed Time:.*\(Total\)", re.DOTALL)
_MESSAGE = re.compile(rf"^{re.escape(MARK)}(.*)$", re.MULTILINE)
_END_OF_FILE = 16384
_AGAIN = "delete the file and run again: the chain is made anew"


@dataclass(frozen=True)
class Chains:
    """All draws of a fit after warmup, `chain × draw × column`, under Stan's column names."""

    columns: tuple[str, ...]
    values: NDArray[np.float64]
    max_treedepth: int | None
    messages: tuple[str, ...] = ()
    """What the sampler complained of in the generated quantities, with the chain's number."""


@dataclass(frozen=True)
class _Header:
    settings: dict[str, str]
    columns: tuple[str, ...]

    def count(self, name: str) -> int:
        return int(self.settings[name])

    def rows(self) -> tuple[int, int]:
        """Return how many rows stand before the draws, and how many draws there are."""
        if self.settings["method"] == "variational":
            mean = 1
            return mean, self.count("output_samples")
        thin = self.count("thin")
        saved = self.settings["save_warmup"] in ("true", "1")
        return -(-self.count("num_warmup") // thin) * saved, -(-self.count("num_samples") // thin)


def read_chains(paths: Sequence[Path]) -> Chains:
    """Read one file a chain; the first row of an approximation is its mean, and left out.

    One chain is parsed at a time, straight from the file, into an array made for all of them.

    Raises:
        ChainError: a file lacks its header, draws, a part of its last line or its footer, or
            chains have different columns.
    """
    headers = [_read_header(path) for path in paths]
    _compare(paths, headers)
    _, draws = headers[0].rows()
    values = np.empty((len(paths), draws, len(headers[0].columns)))
    for place, (path, header) in enumerate(zip(paths, headers, strict=True)):
        values[place] = _read_draws(path, header)
    depth = headers[0].settings.get("max_depth")
    messages = [
        f"chain {chain}, {message}"
        for chain, path in enumerate(paths, start=1)
        for message in _MESSAGE.findall(_end(path).decode(errors="replace"))
    ]
    return Chains(headers[0].columns, values, int(depth) if depth else None, tuple(messages))


def _read_header(path: Path) -> _Header:
    try:
        with path.open(encoding="utf-8") as file:
            comments = list(takewhile(_is_comment, file))
        with path.open(encoding="utf-8") as file:
            names = next(_without_comments(file), "").strip()
    except OSError as error:
        raise ChainError(
            f"the chain cannot be read: {error.strerror}", where=str(path), todo=_AGAIN
        ) from error
    settings: dict[str, str] = {}
    for found in filter(None, map(_SETTING.match, comments)):
        settings.setdefault(found[1], found[2])
    header = _Header(settings, tuple(names.split(",")))
    try:
        header.rows()
    except (KeyError, ValueError) as error:
        raise _not_whole(path, "its header does not say how many draws it holds") from error
    if not names:
        raise _not_whole(path, "the line with the names of its columns is missing")
    return header


def _read_draws(path: Path, header: _Header) -> NDArray[np.float64]:
    before, draws = header.rows()
    with path.open(encoding="utf-8") as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "loadtxt: input contained no data")
        next(_without_comments(file))
        try:
            rows = np.loadtxt(file, comments="#", delimiter=",", ndmin=2)
        except ValueError as error:
            raise _not_whole(path, f"a line is broken: {error}") from error
    if len(rows) != before + draws:
        raise _not_whole(path, f"it holds {max(len(rows) - before, 0)} draws of {draws}")
    if rows.shape[1] != len(header.columns):
        raise _not_whole(path, f"{rows.shape[1]} numbers a line, {len(header.columns)} names")
    _check_end(path, footer=header.settings["method"] == "sample")
    return rows[before:]


def _check_end(path: Path, *, footer: bool) -> None:
    end = _end(path)
    if footer and not _FOOTER.search(end):
        raise _not_whole(path, "its footer with the elapsed time is missing")
    if not end.endswith(b"\n"):
        raise _not_whole(path, "its last line is cut off")


def _end(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _END_OF_FILE, 0))
        return file.read()


def _compare(paths: Sequence[Path], headers: Sequence[_Header]) -> None:
    for path, header in zip(paths, headers, strict=True):
        if header.columns != headers[0].columns:
            raise ChainError(
                f"the chain has other columns than {paths[0].name}", where=str(path), todo=_AGAIN
            )
        if header.rows() != headers[0].rows():
            raise ChainError(
                f"the chain has another number of draws than {paths[0].name}",
                where=str(path),
                todo=_AGAIN,
            )


def _is_comment(line: str) -> bool:
    return line.startswith("#")


def _without_comments(lines: Iterable[str]) -> Iterator[str]:
    return (line for line in lines if not _is_comment(line))


def _not_whole(path: Path, what: str) -> ChainError:
    return ChainError(f"the chain is not whole: {what}", where=str(path), todo=_AGAIN)

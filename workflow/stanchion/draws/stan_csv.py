"""Stan CSV of a fit's chains → arrays; nothing is taken that is not whole."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile, takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stanchion.errors import ChainError
from stanchion.stan.console import MARK
from stanchion.stan.rows import Rows

_SETTING = re.compile(r"#\s*(\w+) = (.*?)(?: \(Default\))?\s*$")
_FOOTER = re.compile(rb"#\s+Elapsed Time:.*\(Total\)", re.DOTALL)
_STEP_SIZE = re.compile(r"#\s*Step size = (\S+)")
_ELEMENTS = re.compile(r"#\s*(Diagonal e|E)lements of inverse mass matrix:")
_DIAGONAL = "Diagonal e"
_MESSAGE = re.compile(rf"^{re.escape(MARK)}(.*)$", re.MULTILINE)
_END_OF_FILE = 16384
_AGAIN = "delete the file and run again: the chain is made anew"


@dataclass(frozen=True)
class Adaptation:
    """What a chain adapted to: its step size and its inverse metric on the unconstrained scale.

    To the six digits of CmdStan's comment lines, whatever `sig_figs` is.

    The metric has one axis where it is diagonal, two where it is dense, and no elements where it is
    the unit metric.
    """

    step_size: float
    inverse_metric: NDArray[np.float64]


@dataclass(frozen=True)
class Chains:
    """All draws of a fit after warm-up, `chain × draw × column`, under Stan's column names.

    `warmup` has the same form, and `adaptation` a row a chain, where they were asked for.
    """

    columns: tuple[str, ...]
    values: NDArray[np.float64]
    max_treedepth: int | None
    messages: tuple[str, ...] = ()
    """What the sampler complained of in the generated quantities, with the chain's number."""
    version: str | None = None
    """Stan's, as the files' headers say it."""
    warmup: NDArray[np.float64] | None = None
    adaptation: tuple[Adaptation, ...] = ()
    library: str | None = "CmdStan"
    """What made the draws, where that is known."""

    def column(self, name: str) -> NDArray[np.float64]:
        """Return a column of the first chain.

        Raises:
            ChainError: there is none of this name.
        """
        if name not in self.columns:
            raise ChainError(f"the program's output has no column {name}")
        return self.values[0, :, self.columns.index(name)]

    def before(self, columns: Sequence[str], values: NDArray[np.float64]) -> Chains:
        """Return a chain's draws with these columns before its own; `values` are draw × column."""
        joined = np.concatenate([values[None], self.values], axis=2)
        return replace(self, columns=(*columns, *self.columns), values=joined)


@dataclass(frozen=True)
class _Header:
    settings: dict[str, str]
    columns: tuple[str, ...]

    def version(self) -> str | None:
        """Return the version of Stan that wrote the file, where it says so."""
        parts = [self.settings.get(f"stan_version_{part}") for part in ("major", "minor", "patch")]
        return None if None in parts else ".".join(filter(None, parts))


def read_sampled(paths: Sequence[Path]) -> Chains:
    """Read Stan CSVs of CmdStan's `sample`, one a chain, each of the rows that its header says.

    Raises:
        ChainError: a file is another method's, or not whole, or chains differ in rows or columns.
    """
    headers = [_read_header(path) for path in paths]
    rows = [_sampled_rows(path, header) for path, header in zip(paths, headers, strict=True)]
    for path, other in zip(paths, rows, strict=True):
        if other != rows[0]:
            raise ChainError(
                f"the chain is of {other.draws} draws, and {paths[0].name} of {rows[0].draws}",
                where=str(path),
                todo="name the chains of one run",
            )
    return read_chains(paths, rows[0])


def _sampled_rows(path: Path, header: _Header) -> Rows:
    """Return the rows that CmdStan's `sample` writes with the settings of a header."""
    settings = header.settings
    if settings["method"] != "sample":
        raise ChainError(
            f"this is a Stan CSV of `{settings['method']}`, and not of `sample`",
            where=str(path),
            todo="declare the method that made it, in place of `method: draws`",
        )
    try:
        thin = int(settings["thin"])
        draws, warmup = (-(-int(settings[f"num_{n}"]) // thin) for n in ("samples", "warmup"))
        saved = settings["save_warmup"] in ("true", "1")
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise _not_whole(path, "its header does not say how many draws it holds") from error
    return Rows(draws, warmup if saved else 0)


def read_chains(
    paths: Sequence[Path], expected: Rows, keep: Collection[str] = (), parts: int = 1
) -> Chains:
    """Read one file a chain, each of the expected rows; those before the draws are left out.

    Where the draws of one file come in several equal `parts`, those that are there are read.

    One chain is parsed at a time, straight from the file, into an array made for all of them.
    `keep` says what else is taken: `warmup`, the rows before, and `metric`, the adaptation.

    Raises:
        ChainError: a file lacks its header, draws, a part of its last line or its footer, or
            chains have different columns, or what is to be kept is not there.
    """
    headers = [_read_header(path) for path in paths]
    _compare(paths, headers)
    columns = headers[0].columns
    values = np.empty((len(paths), expected.draws, len(columns)))
    before = (len(paths), expected.before, len(columns))
    warmup = np.empty(before) if "warmup" in keep else None
    for chain, (path, header) in enumerate(zip(paths, headers, strict=True)):
        rows = _read_rows(path, header, expected, parts)
        values = values[:, : len(rows) - expected.before]
        values[chain] = rows[expected.before :]
        if warmup is not None:
            warmup[chain] = rows[: expected.before]
    depth = headers[0].settings.get("max_depth")
    messages = [
        f"chain {chain}, {message}"
        for chain, path in enumerate(paths, start=1)
        for message in _MESSAGE.findall(_end(path).decode(errors="replace"))
    ]
    return Chains(
        columns=columns,
        values=values,
        max_treedepth=int(depth) if depth else None,
        messages=tuple(messages),
        version=headers[0].version(),
        warmup=warmup,
        adaptation=tuple(_read_adaptation(path) for path in paths) if "metric" in keep else (),
    )


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
    for match in filter(None, map(_SETTING.match, comments)):
        settings.setdefault(match[1], match[2])
    if "method" not in settings:
        raise _not_whole(path, "its header does not say what wrote it")
    if not names:
        raise _not_whole(path, "the line with the names of its columns is missing")
    return _Header(settings, tuple(names.split(",")))


def _read_rows(path: Path, header: _Header, expected: Rows, parts: int) -> NDArray[np.float64]:
    """Return the rows before the draws, and the draws."""
    with path.open(encoding="utf-8") as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "loadtxt: input contained no data")
        next(_without_comments(file))
        try:
            rows = np.loadtxt(file, comments="#", delimiter=",", ndmin=2)
        except ValueError as error:
            raise _not_whole(path, f"a line is broken: {error}") from error
    draws = len(rows) - expected.before
    if not expected.are_whole(draws, parts):
        raise _not_whole(path, f"it holds {max(draws, 0)} draws of {expected.draws}")
    if rows.shape[1] != len(header.columns):
        raise _not_whole(path, f"{rows.shape[1]} numbers a line, {len(header.columns)} names")
    _check_end(path, footer=expected.footer)
    return rows


def _read_adaptation(path: Path) -> Adaptation:
    """Read what stands between warm-up and draws."""
    with path.open(encoding="utf-8") as file:
        next(_without_comments(file))
        between = [*takewhile(_is_comment, dropwhile(_is_draw, file))]
    try:
        step_size = next(match[1] for match in map(_STEP_SIZE.match, between) if match)
        return Adaptation(float(step_size), _inverse_metric(between))
    except (StopIteration, ValueError) as error:
        raise _not_whole(path, "its step size and inverse metric cannot be read") from error


def _inverse_metric(lines: Sequence[str]) -> NDArray[np.float64]:
    for start, match in enumerate(map(_ELEMENTS.match, lines), start=1):
        if match:
            rows = (line.strip("# \n") for line in lines[start:])
            metric = np.array([[float(x) for x in row.split(",")] for row in rows if row])
            return metric.ravel() if match[1] == _DIAGONAL else metric
    return np.empty(0)


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


def _is_comment(line: str) -> bool:
    return line.startswith("#")


def _is_draw(line: str) -> bool:
    return not _is_comment(line)


def _without_comments(lines: Iterable[str]) -> Iterator[str]:
    return (line for line in lines if not _is_comment(line))


def _not_whole(path: Path, what: str) -> ChainError:
    return ChainError(f"the chain is not whole: {what}", where=str(path), todo=_AGAIN)

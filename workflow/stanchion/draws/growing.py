"""Draws of a chain that is sampled bit by bit: only what is new in its Stan CSV is parsed."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stanchion.errors import ChainError
from stanchion.stan.rows import Rows


class GrowingChain:
    """The draws of some columns of one chain, whose next Stan CSV begins with the same rows.

    Where it does not, it is read from its first row on.
    """

    def __init__(self, is_wanted: Callable[[str], bool]) -> None:
        self.columns: tuple[str, ...] = ()
        self.known = 0
        """How many of the draws that were read last are those that were read before."""
        self._is_wanted = is_wanted
        self._rows = np.empty((0, 0))
        self._size = self._checksum = 0

    def read(self, csv: Path, expected: Rows) -> NDArray[np.float64]:
        """Return the draws so far, `draw × column`.

        Raises:
            ChainError: the CSV does not hold the expected rows.
        """
        names, body = _parts(csv.read_bytes())
        indices = [index for index, name in enumerate(names) if self._is_wanted(name)]
        columns = tuple(names[index] for index in indices)
        if columns != self.columns or zlib.crc32(body[: self._size]) != self._checksum:
            self.columns, self._rows = columns, np.empty((0, len(columns)))
            self._size = 0
        self.known = max(len(self._rows) - expected.before, 0)
        new = _numbers(body[self._size :], indices, csv)
        self._rows = np.concatenate([self._rows, new])
        self._size, self._checksum = len(body), zlib.crc32(body)
        if len(self._rows) != expected.before + expected.draws:
            raise ChainError(
                f"the chain holds {len(self._rows)} rows of {expected.before + expected.draws}",
                where=str(csv),
            )
        return self._rows[expected.before :]


def _parts(content: bytes) -> tuple[list[str], bytes]:
    """Return the names of a Stan CSV, and what stands between them and the comments at its end."""
    start = 0
    while content.startswith(b"#", start):
        start = content.find(b"\n", start) + 1
    first = content.find(b"\n", start) + 1
    end = len(content)
    while end > first:
        line = content.rfind(b"\n", first, end - 1) + 1 or first
        if not content.startswith((b"#", b"\n"), line):
            break
        end = line
    return content[start : first - 1].decode().split(","), content[first:end]


def _numbers(lines: bytes, indices: list[int], csv: Path) -> NDArray[np.float64]:
    if not lines:
        return np.empty((0, len(indices)))
    text = io.StringIO(lines.decode())
    try:
        return np.loadtxt(text, comments="#", delimiter=",", usecols=indices, ndmin=2)
    except ValueError as error:
        raise ChainError(f"the chain is not whole: {error}", where=str(csv)) from error

"""What lies in the cache, and `stanchion cache size`: how many pieces of each kind, how large."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from stat import S_ISDIR

from rich.filesize import decimal

from stanchion.errors import StanchionError
from stanchion.stan import states
from stanchion.system.folders import cache_root

RESULTS, STATES, PROGRAMS = "steps", states.FOLDER, "programs"
LOCKS, TOOLCHAINS = "locks", "toolchains"
_DEPTHS = {RESULTS: 3, STATES: 2, PROGRAMS: 1, TOOLCHAINS: 1, LOCKS: 2}
"""How far below its folder a kind's pieces lie: steps/<rule>/<first two>/<key>."""
_BLOCK = 512
"""Bytes that the kernel counts a block of a file as, whatever the file system."""
_PIECE = re.compile(r"[0-9a-f]{64}(\.json)?")


@dataclass(frozen=True)
class Piece:
    """An entry of the cache: a result of a step, a chain's state, a program's description, …"""

    folder: str
    """The folder of the cache that it lies in."""
    kind: str
    """That, but a result's is its step."""
    path: Path

    @property
    def is_named_by_key(self) -> bool:
        """Whether it has a name that entries have."""
        return _PIECE.fullmatch(self.path.name) is not None

    @property
    def key(self) -> str:
        """The key or hash that it is named by."""
        return self.path.name.removesuffix(".json")


@dataclass
class Contents:
    """A look at the cache; what could not be looked into is counted."""

    root: Path
    unreadable: int = 0
    _linked: set[tuple[int, int]] = field(default_factory=set)

    def pieces(self, folders: tuple[str, ...] = tuple(_DEPTHS)) -> Iterator[Piece]:
        """Yield what lies in folders of the cache; what else lies in it is not its own.

        Raises:
            StanchionError: the cache itself cannot be read.
        """
        _require_readable(self.root)
        for folder in folders:
            top = str(self.root / folder)
            for path in self._below(top, _DEPTHS[folder]):
                rule = path[len(top) + 1 :].partition("/")[0]
                yield Piece(folder, rule if folder == RESULTS else folder, Path(path))

    def size(self, path: Path, *, unshared: bool = False) -> int:
        """Return the bytes that a piece takes on the disk; those of one file with two names once.

        With `unshared`, those only of files that have no second name: what removing it frees.
        Copies that share blocks (reflinks) count in full: no file system says that they do.
        """
        size, left = 0, [str(path)]
        while left:
            name = left.pop()
            try:
                status = os.lstat(name)
                size += self._blocks(status, unshared=unshared) * _BLOCK
                if S_ISDIR(status.st_mode):
                    left += [entry.path for entry in os.scandir(name)]
            except FileNotFoundError:
                continue
            except OSError:
                self.unreadable += 1
        return size

    def _blocks(self, status: os.stat_result, *, unshared: bool) -> int:
        if status.st_nlink > 1 and not S_ISDIR(status.st_mode):
            identity = status.st_dev, status.st_ino
            if unshared or identity in self._linked:
                return 0
            self._linked.add(identity)
        return status.st_blocks

    def _below(self, folder: str, depth: int) -> Iterator[str]:
        try:
            entries = list(os.scandir(folder))
        except FileNotFoundError:
            return
        except OSError:
            self.unreadable += 1
            return
        for entry in entries:
            if depth == 1 or not entry.is_dir(follow_symlinks=False):
                yield entry.path
            else:
                yield from self._below(entry.path, depth - 1)


def _require_readable(root: Path) -> None:
    try:
        os.scandir(root).close()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StanchionError(
            f"the cache cannot be read: {(error.strerror or str(error)).lower()}",
            where=str(root),
            todo="have STANCHION_CACHE name a folder of your own, or of your group",
        ) from error


@dataclass
class _Total:
    number: int = 0
    bytes: int = 0


def size(*, as_json: bool) -> str:
    """Return how many pieces of each kind lie in the cache, and the bytes that they take.

    What killed processes left half-written counts with the bytes of its kind.

    Raises:
        StanchionError: the cache cannot be read.
    """
    contents = Contents(cache_root())
    totals: dict[str, dict[str, _Total]] = {folder: {} for folder in _DEPTHS}
    for piece in contents.pieces():
        total = totals[piece.folder].setdefault(piece.kind, _Total())
        total.number += _is_counted(piece)
        total.bytes += contents.size(piece.path)
    return _as_json(contents, totals) if as_json else "\n".join(_rows(contents, totals))


def _is_counted(piece: Piece) -> bool:
    if piece.folder == TOOLCHAINS:
        name = piece.path.name
        return name != "known" and not name.startswith(".") and not piece.path.is_symlink()
    return piece.is_named_by_key


def _sum(kinds: Mapping[str, _Total]) -> _Total:
    return _Total(sum(t.number for t in kinds.values()), sum(t.bytes for t in kinds.values()))


def _as_json(contents: Contents, totals: Mapping[str, Mapping[str, _Total]]) -> str:
    results = {kind: asdict(total) for kind, total in sorted(totals[RESULTS].items())}
    others = {f: asdict(_sum(kinds)) for f, kinds in totals.items() if f != RESULTS}
    content = {
        "schema": "stanchion/cache/1",
        "cache": str(contents.root),
        "results": results,
        **others,
        "bytes": sum(_sum(kinds).bytes for kinds in totals.values()),
        "unreadable": contents.unreadable,
    }
    return json.dumps(content, indent=2)


def _rows(contents: Contents, totals: Mapping[str, Mapping[str, _Total]]) -> Iterator[str]:
    yield str(contents.root)
    for folder, kinds in totals.items():
        yield _row("results" if folder == RESULTS else folder, _sum(kinds))
        if folder == RESULTS:
            yield from (_row(f"  {kind}", total) for kind, total in sorted(kinds.items()))
    yield f"{'together':<22} {'':>9} {decimal(sum(_sum(k).bytes for k in totals.values())):>12}"
    if contents.unreadable:
        yield f"{contents.unreadable} files or folders could not be looked into: not counted"


def _row(name: str, total: _Total) -> str:
    return f"{name:<22} {total.number:>9,} {decimal(total.bytes):>12}"

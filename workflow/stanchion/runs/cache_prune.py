"""`stanchion cache prune`: removes from the cache what was long not used, and nothing in use.

An entry leaves its place in one rename before it is removed: who reads it meanwhile finds it
whole, or finds none and makes its result. Parallel prunes and runs, on other machines too, and a
prune that is killed do no harm: a later one removes what that left under hidden names.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.filesize import decimal

from stanchion.runs.cache_contents import LOCKS, PROGRAMS, RESULTS, STATES, Contents, Piece
from stanchion.stan.states import LOCK, ChainState
from stanchion.system.folders import cache_root
from stanchion.system.temporaries import beside, is_orphaned, remove
from stanchion.system.usage import DAY, note_use
from stanchion.versions.known import tracked_keys

_PRUNED = (RESULTS, STATES, PROGRAMS, LOCKS)
_LOCKING = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
_HALF = "half"
_WORDS = {
    RESULTS: "results",
    STATES: "states",
    PROGRAMS: "descriptions of programs",
    LOCKS: "locks that nobody holds",
    _HALF: "pieces that killed processes left",
}


def prune(seconds: int, *, keep_tracked: bool) -> str:
    """Remove what was not used for so many seconds, and say what went and what stays.

    A use is noted once a day, so an entry may stay a day longer. With `keep_tracked` everything
    stays that tracked results of any revision of the project in this folder stand on.

    Raises:
        StanchionError: the cache cannot be read.
        VersioningError: no result of this folder is tracked, with `keep_tracked`.
    """
    tracked = tracked_keys() if keep_tracked else set()
    pruning = _Pruning(Contents(cache_root()), time.time() - seconds - DAY, tracked)
    for piece in pruning.contents.pieces(_PRUNED):
        pruning.consider(piece)
    return "\n".join(pruning.lines())


@dataclass
class _Pruning:
    contents: Contents
    before: float
    """What was used at this time or later stays, in seconds of the epoch."""
    tracked: Collection[str]
    removed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Numbers by folder of the cache."""
    freed: int = 0
    stay: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Numbers by reason."""
    refused: list[OSError] = field(default_factory=list)

    def consider(self, piece: Piece) -> None:
        """Remove a piece unless it is used, in use, tracked or not the cache's own."""
        try:
            reason = self._reason_to_stay(piece)
            if reason is not None:
                self.stay[reason] += 1
                return
            with _lock(self._lock_file(piece)) as is_free:
                if not is_free:
                    self.stay["in use"] += 1
                elif piece.is_named_by_key and self._is_recent(piece):
                    self.stay["used since"] += 1
                else:
                    self._remove(piece)
        except FileNotFoundError:
            return  # another prune has removed it, or the step that found it damaged
        except OSError as error:
            self.refused.append(error)

    def _reason_to_stay(self, piece: Piece) -> str | None:
        if not piece.is_named_by_key:
            if not piece.path.name.startswith("."):
                return "not of the cache's making"
            return None if self._is_abandoned(piece) else "in use"
        if self._is_recent(piece):
            return "used since"
        if self.tracked and made_with(piece) in self.tracked:
            return "tracked"
        return None

    def _is_abandoned(self, piece: Piece) -> bool:
        """Tell whether a temporary name is of nobody who lives."""
        name = piece.path.name
        return is_orphaned(piece.path) if "-" in name else not self._is_recent(piece)

    def _is_recent(self, piece: Piece) -> bool:
        """Tell whether a piece was used since; one with a time that is to come gets the present."""
        last = _last_use(piece)
        if last > time.time() + DAY:
            for path in _dated(piece):
                note_use(path)
        return last >= self.before

    def _lock_file(self, piece: Piece) -> Path | None:
        """Return the file whose lock is held by who uses a piece, if there is such a lock."""
        if not piece.is_named_by_key or piece.folder == PROGRAMS:
            return None
        if piece.folder == RESULTS:
            return self.contents.root / LOCKS / piece.kind / piece.key
        return piece.path / LOCK if piece.folder == STATES else piece.path

    def _remove(self, piece: Piece) -> None:
        """Remove a piece that one may remove whole.

        Raises:
            FileNotFoundError: it is gone.
            OSError: it may not be removed.
        """
        path = piece.path
        if path.is_dir() and not path.is_symlink() and not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        aside = beside(path, "old") if piece.is_named_by_key else path
        path.rename(aside)
        size = self.contents.size(aside, unshared=True)
        remove(aside)
        if os.path.lexists(aside):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        self.removed[piece.folder if piece.is_named_by_key else _HALF] += 1
        self.freed += size

    def lines(self) -> Iterator[str]:
        """Yield what went, what stays and what could not be removed."""
        removed = [f"{number:,} {_WORDS[name]}" for name, number in self.removed.items()]
        yield f"removed {', '.join(removed) or 'nothing'}: {decimal(self.freed)}"
        if self.stay:
            yield "kept " + ", ".join(f"{number:,} {why}" for why, number in self.stay.items())
        if self.refused:
            error = self.refused[0]
            first = f"{error.filename}: {(error.strerror or str(error)).lower()}"
            yield f"{len(self.refused):,} may not be removed by you and stay; the first: {first}"
        if self.contents.unreadable:
            yield f"{self.contents.unreadable:,} folders may not be looked into by you"


def _last_use(piece: Piece) -> float:
    return max(path.lstat().st_mtime for path in _dated(piece))


def _dated(piece: Piece) -> list[Path]:
    """Return the files whose times say when a piece was used last, there being one at least.

    A result's is renewed as it is fetched, a state's lock whenever a chain opens it.
    """
    path = piece.path
    if piece.folder == RESULTS and os.path.lexists(path / "entry.json"):
        return [path / "entry.json"]
    if piece.folder == STATES and path.is_dir() and not path.is_symlink():
        return [path, *path.iterdir()]
    return [path]


def made_with(piece: Piece) -> str | None:
    """Return the key of the result that a piece is, or that it is the last state of."""
    if piece.folder == STATES:
        finished = ChainState(piece.path).finished()
        return None if finished is None else finished.key
    with suppress(OSError, ValueError, KeyError, TypeError):  # with a lineage it is not the name's
        return str(json.loads((piece.path / "entry.json").read_bytes())["origin"]["key"])
    return piece.key


@contextmanager
def _lock(path: Path | None) -> Iterator[bool]:
    """Hold a lock, where there is one; False where another process holds it, or none can tell.

    Raises:
        OSError: the lock is not one's own to open.
    """
    try:
        descriptor = os.open(path, _LOCKING) if path is not None else None
    except (FileNotFoundError, NotADirectoryError):
        descriptor = None  # nobody has ever locked it
    try:
        yield descriptor is None or _is_locked_by_us(descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _is_locked_by_us(descriptor: int) -> bool:
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False

"""The states of chains: what a killed chain goes on from, and a finished one is extended from.

They lie in the cache, `states/<family>`: a chain's family is its key but for the number of draws.
While the chain runs the driver writes `state`, `rows` and `messages` there; when it is done its
rows are in the cache as its result, and `finished.json` says under which key. Standard library
only.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import stat
import struct
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stanchion.stan.console import MARK
from stanchion.system.folders import SAVING, cache_root
from stanchion.system.hashes import text_hash
from stanchion.system.usage import note_use
from stanchion.system.writing import write_whole

FOLDER = "states"
STATE, ROWS, FINISHED, MACHINE, LOCK = "state", "rows", "finished.json", "machine", "lock"
MESSAGES = "messages"
_FILES = (STATE, ROWS, MESSAGES, FINISHED, MACHINE, f"{STATE}.part")
_MAGIC = b"stanchion chain 3\n"
_POSITION = struct.Struct("<qqqI4xqI4x?7x")
_BLOCK = 1 << 20
_SAMPLES, _WARMUP = "num_samples=", "num_warmup="
_NUMBER = "draws"
"""The field of `Rows` that says how many draws there are."""
_MOST = 2**53
_DEFAULT_DRAWS = 1000
"""CmdStan's, which its header marks."""
_DRAWS_LINE = re.compile(rb"^(#\s*num_samples = )\d+( \(Default\))?\n", re.MULTILINE)


@dataclass(frozen=True)
class Position:
    """Where a saved state stands: transitions done, its rows, and bytes and CRC-32 of its files."""

    iteration: int
    rows: int
    size: int
    checksum: int
    messages_size: int
    messages_checksum: int
    sampling: bool


@dataclass(frozen=True)
class Finished:
    """A finished chain of the family: its key, iterations after warm-up, and rows of draws."""

    key: str
    draws: int
    rows: int


@dataclass(frozen=True)
class ChainState:
    """The folder of a family's state, held by this process alone."""

    folder: Path

    def environment(self, seconds: float) -> dict[str, str]:
        """Return the variables by which our driver saves its state here every so many seconds."""
        return {
            "STANCHION_CHECKPOINT": str(self.folder),
            "STANCHION_CHECKPOINT_SECONDS": repr(seconds),
        }

    def position(self) -> Position | None:
        """Return where the saved state stands, None where there is none that can be read."""
        try:
            with (self.folder / STATE).open("rb") as file:
                if file.read(len(_MAGIC)) != _MAGIC:
                    return None
                _checksum, size = struct.unpack("<QQ", file.read(16))
                file.seek(size, os.SEEK_CUR)
                position = Position(*_POSITION.unpack(file.read(_POSITION.size)))
                numbers = (position.iteration, position.rows, position.size)
                return position if min(numbers) >= 0 else None
        except (OSError, struct.error, OverflowError, ValueError):
            return None

    def finished(self) -> Finished | None:
        """Return the finished chain that this is the state of, None where it is of none."""
        try:
            content: dict[str, Any] = json.loads((self.folder / FINISHED).read_text())
            finished = Finished(content["key"], content["draws"], content["rows"])
            counts = (finished.draws, finished.rows)
            sound = all(type(count) is int and 0 < count < _MOST for count in counts)
            return finished if sound else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def has_rows_of(self, csv: Path) -> bool:
        """Tell whether the rows of a Stan CSV begin with the bytes that the state was saved with.

        Raises:
            OSError: the CSV cannot be read.
        """
        position = self.position()
        if position is None:
            return False
        size = checksum = 0
        for block in _row_blocks(csv, position.size):
            size, checksum = size + len(block), zlib.crc32(block, checksum)
        return (size, checksum) == (position.size, position.checksum)

    def take_rows(self, csv: Path) -> bool:
        """Put the rows of a finished chain's CSV where the driver looks for them, if they fit."""
        position = self.position()
        try:
            with (self.folder / ROWS).open("wb") as file:
                file.writelines(_row_blocks(csv, 0 if position is None else position.size))
            (self.folder / FINISHED).unlink(missing_ok=True)
        except OSError:
            return False
        return True

    def finish(self, finished: Finished, iterations: int, *, keep: bool) -> None:
        """Say that a chain is done and in the cache; keep its last state, or let it go.

        A state that is not of its end stays what it is: another run has left it meanwhile.
        """
        position = self.position()
        if not keep or position is None:
            self.clear()
            return
        if position.iteration != iterations:
            return
        with suppress(OSError):
            content = {"schema": "stanchion/state/2", **vars(finished)}
            write_whole(self.folder / FINISHED, json.dumps(content) + "\n")
            (self.folder / ROWS).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove the state."""
        for name in _FILES:
            with suppress(OSError):
                (self.folder / name).unlink(missing_ok=True)

    def is_elsewhere(self, *, allowed: bool) -> bool:
        """Tell whether another processor had a part in the state; without leave it goes.

        Libraries choose their code by a processor's flags, and with it the last bits of a sum.
        """
        here, path = processor(), self.folder / MACHINE
        try:
            before = set(path.read_text().split())
        except (OSError, ValueError):
            before = set()
        saved = (self.folder / STATE).exists()
        elsewhere = saved and before != {here}
        if elsewhere and not allowed:
            self.clear()
        parts = {here} | (before if saved and allowed else set())
        if parts != before or not path.exists():
            self._note_processors(parts)
        return elsewhere

    def begin_anew(self) -> None:
        """Remove the state; the next one is this processor's alone."""
        self.clear()
        self._note_processors({processor()})

    def _note_processors(self, parts: Collection[str]) -> None:
        with suppress(OSError):
            write_whole(self.folder / MACHINE, "".join(f"{part}\n" for part in sorted(parts)))


def state_folder(family: str) -> Path:
    """Return the folder of a family's state."""
    return cache_root() / FOLDER / family[:2] / family


def note_families(key: str, families: Sequence[str]) -> None:
    """Note whose states the runs of a step save; that it cannot be noted costs a retry at most."""
    with suppress(OSError):
        write_whole(_families_file(key), "".join(f"{family}\n" for family in families))


def noted_families(key: str) -> list[str]:
    """Return whose states the runs of a step save that were last under way."""
    try:
        return _families_file(key).read_text().split()
    except (OSError, ValueError):
        return []


def forget_families(key: str) -> None:
    """Remove the note of a step that is done."""
    with suppress(OSError):
        _families_file(key).unlink(missing_ok=True)


def _families_file(key: str) -> Path:
    return Path(SAVING, key)


@contextmanager
def open_state(family: str) -> Iterator[ChainState | None]:
    """Hold a family's state; None where another run holds it, or the cache cannot be written."""
    folder = state_folder(family)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.fdopen(os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o666))
    except OSError:
        yield None
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield None
            return
        if not os.fstat(lock.fileno()).st_nlink:  # its last holder has removed it meanwhile
            yield None
            return
        note_use(folder / LOCK)
        try:
            _remove_what_is_no_file(folder)
            yield ChainState(folder)
        finally:
            if not (folder / STATE).exists():
                shutil.rmtree(folder, ignore_errors=True)


def _remove_what_is_no_file(folder: Path) -> None:
    """Remove folders, pipes and the like from where files are to lie: reading one may not end."""
    for name in _FILES:
        path = folder / name
        with suppress(OSError):
            kind = path.lstat().st_mode
            if stat.S_ISDIR(kind):
                shutil.rmtree(path)
            elif not stat.S_ISREG(kind):
                path.unlink()


def _row_blocks(csv: Path, size: int) -> Iterator[bytes]:
    """Yield what stands below the names of a Stan CSV, so many bytes at most."""
    with csv.open("rb") as file:
        for line in file:
            if not line.startswith(b"#"):
                break
        while size > 0 and (block := file.read(min(size, _BLOCK))):
            size -= len(block)
            yield block


def cut_csv(csv: Path, target: Path, draws: int, rows: int) -> bool:
    """Write a chain's CSV with its first rows only, as if so many draws had been asked for.

    `draws` are iterations after warm-up, `rows` what thinning leaves, with saved warm-up. Return
    False where there are fewer rows.
    """
    lines = csv.read_bytes().splitlines(keepends=True)
    is_row = [not line.startswith(b"#") for line in lines]
    indices = [number for number, flag in enumerate(is_row) if flag]
    if len(indices) - 1 < rows:
        return False
    last, end = indices[rows], indices[-1]
    text = b"".join([*lines[: last + 1], *lines[end + 1 :]])
    mark = b" (Default)" if draws == _DEFAULT_DRAWS else b""
    text = _DRAWS_LINE.sub(lambda match: b"%s%d%s\n" % (match[1], draws, mark), text, count=1)
    target.write_bytes(text)
    return True


def has_messages(csv: Path) -> bool:
    """Tell whether the sampler had something to say of the draws of a CSV."""
    with csv.open("rb") as file:
        return any(line.startswith(MARK.encode()) for line in file)


def without_draws(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chain's arguments without those that say how many draws it has."""
    words = [word for word in arguments["command"] if not word.startswith(_SAMPLES)]
    rows = {name: value for name, value in arguments["rows"].items() if name != _NUMBER}
    return {**arguments, "command": words, "rows": rows}


def with_draws(arguments: Mapping[str, Any], draws: int, rows: int) -> dict[str, Any]:
    """Return a chain's arguments with so many iterations after warm-up, and rows of them."""
    words = [
        f"{_SAMPLES}{draws}" if word.startswith(_SAMPLES) else word for word in arguments["command"]
    ]
    return {**arguments, "command": words, "rows": {**arguments["rows"], "draws": rows}}


def draws_in(command: Sequence[str]) -> int:
    """Return the iterations after warm-up that a command line asks for."""
    return _number(command, _SAMPLES)


def iterations_in(command: Sequence[str]) -> int:
    """Return the iterations that a command line asks for, warm-up included."""
    return _number(command, _SAMPLES) + _number(command, _WARMUP)


def _number(command: Sequence[str], name: str) -> int:
    return next(int(word.removeprefix(name)) for word in command if word.startswith(name))


def processor() -> str:
    """Return what names the instructions of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return text_hash(" ".join(sorted(flags.split())))[:16]

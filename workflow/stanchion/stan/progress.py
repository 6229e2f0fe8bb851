"""How far a job is, kept in a small file of the project while it samples or compiles.

The step's own process reads what the sampler prints and the rows that it has written, a few
milliseconds each second; the sampler knows nothing of it. What goes wrong here costs the figures
only. Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from stanchion.system.folders import PROGRESS
from stanchion.system.writing import write_whole

SCHEMA = "stanchion/progress/1"
POINTS = 50
"""Iterations at which a chain's time and leapfrog steps are kept, to hold its siblings to."""
INTERVAL = 1.0
"""Seconds between two looks at the output, and the fewest between two writings."""
_MOST_INTERVAL = 10.0
"""Seconds between two writings of a chain that has run for minutes: file systems are shared."""
_SHARE = 0.02
"""Of the time so far, what may pass between two writings."""
_BUDGET = 0.005
"""Seconds that one look at the rows may take; what it leaves is read by the next ones."""
_BLOCK = 64 << 10
_HEAD = 4096
"""Bytes of a row that are looked at: the sampler's own columns come first."""
_LINE = re.compile(rb"Iteration:\s*(\d+) / (\d+) \[\s*\d+%\]\s+\((Warmup|Sampling)\)")
_LONGEST_LINE = 80
_COLUMNS = (b"divergent__", b"treedepth__", b"n_leapfrog__")


def progress_file(log: Path) -> Path | None:
    """Return where a job says how far it is, by its log; None for a log of no project."""
    if log.is_absolute() or log.parts[:1] != ("logs",):
        return None
    return Path(PROGRESS, *log.parts[1:]).with_suffix(".json")


def forget_chains(log: Path) -> None:
    """Remove what finished chains have left in the folder of a step, by the step's log."""
    file = progress_file(log)
    if file is not None:
        with suppress(OSError):
            for pattern in ("sample_*.json", "generate_quantities.json"):
                for path in file.parent.glob(pattern):
                    path.unlink(missing_ok=True)


class RowFigures:
    """Figures of the rows that a sampler has written so far, read bit by bit."""

    def __init__(self) -> None:
        self.rows = 0
        self.divergences = 0
        self.leapfrog = 0
        self.deepest = 0
        self.depths = 0
        self._columns: list[int] | None = None
        self._head = b""

    @property
    def are_known(self) -> bool:
        """Whether the rows have the columns of a Hamiltonian sampler with trees."""
        return bool(self._columns)

    def take(self, block: bytes) -> Iterator[None]:
        """Read a block of the CSV, and yield after each row that it ends."""
        lines = block.split(b"\n")
        lines[0] = self._head + lines[0]
        self._head = lines.pop()[:_HEAD]
        for line in lines:
            if line and not line.startswith(b"#"):
                if self._columns is None:
                    names = line[:_HEAD].split(b",")
                    known = all(name in names for name in _COLUMNS)
                    self._columns = [names.index(name) for name in _COLUMNS] if known else []
                else:
                    self._take_row(line)
                    yield

    def _take_row(self, line: bytes) -> None:
        self.rows += 1
        if self._columns:
            fields = line.split(b",", max(self._columns) + 1)
            divergent, depth, leapfrog = (int(float(fields[i])) for i in self._columns)
            self.divergences += divergent
            self.leapfrog += leapfrog
            self.depths += depth
            self.deepest = max(self.deepest, depth)


class JobReport:
    """The file of one job; writing it cannot fail the job."""

    def __init__(self, log: Path, name: str, phase: str) -> None:
        self._file = progress_file(log)
        self._begun = time.monotonic()
        self._written = -_MOST_INTERVAL
        self._content: dict[str, object] = {
            "schema": SCHEMA,
            "name": name,
            "phase": phase,
            "host": os.uname().nodename,
            "process": os.getpid(),
            "started": time.time(),
            "ended": False,
        }

    @property
    def seconds(self) -> float:
        """Seconds since the job, or its program, was started."""
        return time.monotonic() - self._begun

    def write(self, **facts: object) -> None:
        """Write the file, unless it cannot be written."""
        self._content.update(facts)
        if self._file is not None:
            content = {**self._content, "updated": time.time(), "seconds": self.seconds}
            with suppress(OSError):
                write_whole(self._file, json.dumps(content) + "\n")
        self._written = self.seconds

    def is_due(self) -> bool:
        """Tell whether enough time has passed since the last writing."""
        wait = min(max(_SHARE * self.seconds, INTERVAL), _MOST_INTERVAL)
        return self.seconds - self._written >= wait

    def remove(self) -> None:
        """Remove the file."""
        if self._file is not None:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    def restart(self) -> None:
        """Count seconds from now on."""
        self._begun, self._written = time.monotonic(), -_MOST_INTERVAL
        self._content["started"] = time.time()


class ChainReport:
    """How far one run of a sampler is, by what it prints and the rows that it writes."""

    def __init__(
        self,
        log: Path,
        name: str,
        command: Sequence[str],
        csv: Path,
        *,
        start: int = 0,
        rows: int | None = None,
    ) -> None:
        words = dict(word.partition("=")[::2] for word in command)
        self._report = JobReport(log, name, "running")
        self._csv = csv
        draws, warmup = _number(words, "num_samples"), _number(words, "num_warmup")
        self._warmup = warmup or 0
        self._total = rows if draws is None else draws + self._warmup
        self._thin = _number(words, "thin") or 1
        self._before = 0 if words.get("save_warmup") == "1" else self._warmup
        self._start: int | None = start
        self._is_usable = True
        self._reset()

    def _reset(self) -> None:
        self._rows, self._open, self._tail, self._process = RowFigures(), None, b"", 0
        self._iteration, self._at = self._start or 0, 0.0
        self._origin = None if self._start is None else (self._start, 0.0)
        self._phase = "running" if self._total is None else "warmup" if self._warmup else "sampling"
        self._times: list[tuple[int, float]] = []
        self._steps: list[tuple[int, int]] = []
        self._looked = 0.0

    _open: FileIO | None
    _origin: tuple[int, float] | None
    """Iteration and seconds from which the rate is counted: the beginning of the phase."""

    @contextmanager
    def _harmless(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            self._is_usable = False

    def begin(self, process: int) -> None:
        """Say that the program was started; where it was before, it may go on at any iteration."""
        with self._harmless():
            if self._process:
                self._start = None
                self._report.restart()
            self._reset()
            self._process = process

    def take(self, block: bytes) -> None:
        """Look for the last iteration in what the program prints."""
        if not self._is_usable or self._total is None:
            return
        with self._harmless():
            text = self._tail + block
            self._tail = text[-_LONGEST_LINE:]
            start = text.rfind(b"Iteration:")
            while start >= 0:
                if found := _LINE.match(text, start):
                    self._reach(int(found[1]), found[3] == b"Sampling")
                    return
                start = text.rfind(b"Iteration:", 0, start)

    def look(self) -> None:
        """Read new rows and write the file, where a second has passed since the last time."""
        if not self._is_usable or self._report.seconds - self._looked < INTERVAL:
            return
        with self._harmless():
            if self._total is not None:
                self._read()
            if self._report.is_due():
                self._write()
            self._looked = self._report.seconds

    def __enter__(self) -> ChainReport:
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        """Leave the figures of what ended well for its siblings, and nothing of what failed.

        What ended within a second has no file, and gets none.
        """
        with self._harmless():
            if failure is None and self._is_usable and self._looked:
                if self._total is not None:
                    self._read()
                self._write(ended=True)
            else:
                self._report.remove()
            if self._open is not None:
                self._open.close()

    def _reach(self, iteration: int, sampling: bool) -> None:
        """Note that an iteration was reached, in this phase."""
        seconds, phase = self._report.seconds, "sampling" if sampling else "warmup"
        if self._origin is None or (phase != self._phase and iteration > self._iteration):
            self._origin = (iteration, seconds)
        self._phase = phase
        if iteration > self._iteration:
            self._iteration, self._at = iteration, seconds
            if self._is_next(self._times, iteration):
                self._times.append((iteration, round(seconds, 3)))

    def _read(self) -> None:
        """Read the rows that were written since, for some milliseconds at most."""
        self._open = self._open or _opened(self._csv, self._process)
        if self._open is None:
            return
        end = time.monotonic() + _BUDGET
        while time.monotonic() < end and (block := self._open.read(_BLOCK)):
            for _ in self._rows.take(block):
                iteration = self._row_iteration()
                if self._rows.are_known and self._is_next(self._steps, iteration):
                    self._steps.append((iteration, self._rows.leapfrog))
        if self._row_iteration() > max(self._iteration, self._warmup):
            self._reach(self._row_iteration(), True)

    def _row_iteration(self) -> int:
        """Return the iteration that the last row is of; thinning keeps the first of so many."""
        if not self._rows.rows:
            return 0
        return self._before + (self._rows.rows - 1) * self._thin + 1

    def _is_next(self, points: Sequence[tuple[int, float]], iteration: int) -> bool:
        """Tell whether a point is far enough from the last one to be kept."""
        spacing = max((self._total or 0) // POINTS, 1)
        return not points or iteration >= points[-1][0] + spacing

    def _write(self, *, ended: bool = False) -> None:
        rows = self._rows
        known = rows.are_known and rows.rows > 0
        self._report.write(
            phase=self._phase,
            total=self._total,
            warmup=self._warmup,
            iteration=self._iteration,
            at=self._at,
            origin=self._origin,
            resumed=self._start != 0,
            divergences=rows.divergences if known else None,
            treedepth=rows.depths / rows.rows if known else None,
            deepest=rows.deepest if known else None,
            steps=[*self._steps, (self._row_iteration(), rows.leapfrog)] if known else [],
            times=self._times,
            ended=ended,
        )


@contextmanager
def compiling(log: Path, program: str) -> Iterator[None]:
    """Say that a program is being compiled while this lasts."""
    report = JobReport(log, program, "compiling")
    report.write()
    try:
        yield
    finally:
        report.remove()


def _opened(csv: Path, process: int) -> FileIO | None:
    """Open what the sampler writes: our driver's draft, or the file itself."""
    for path in (csv.with_name(f"{csv.name}.tmp.{process}"), csv):
        with suppress(FileNotFoundError):
            return FileIO(path)
    return None


def _number(words: dict[str, str], name: str) -> int | None:
    text = words.get(name, "")
    return int(text) if text.isdecimal() else None

"""Chains that are stuck: by the leapfrog steps that they take, never by seconds.

The measure is what the middle one of a fit's chains takes for all its iterations, warm-up included.
A chain that has taken ten times as many is given up at that very row of its output, however far it
is: the steps of a chain only grow, and those of the middle one are known once half of the chains
are done. So what is given up, and where, follows from the chains alone; when they are looked at
decides how soon a hopeless one is ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from statistics import fmean

from stanchion.draws.sampler import read_sampler
from stanchion.sampling.fit import Made, Run, Running
from stanchion.stan.progress import RowFigures

BEHIND = 10
"""Times the leapfrog steps of the middle chain, beyond which a chain is given up."""
FEWEST_STEPS = 5000
"""Leapfrog steps of a chain up to which it is not: a few long trees are no matter."""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class GivenUp:
    """A chain that was given up at a row of its output, and what it was until then."""

    run: Run
    csv: Path
    rows: int
    steps: int
    middle: int
    """The leapfrog steps of the middle chain."""
    density: float
    """The mean log density of the second half of its rows."""


@dataclass
class Siblings:
    """The chains of one round; `path` says where a file may be written."""

    chains: int
    path: Callable[[str], Path]
    _steps: dict[int, int] = field(default_factory=dict)
    _drafts: dict[str, _Draft] = field(default_factory=dict)

    def hopeless(self, done: Sequence[Made], running: Sequence[Running]) -> list[Run]:
        """Return the runs that have taken too many steps, whose output is copied first."""
        self._count(done)
        middle = self._middle()
        return [] if middle is None else [r.run for r in running if self._exceeds(r, middle)]

    def given_up(self, made: Iterable[Made], ended: Iterable[Run]) -> list[GivenUp]:
        """Return those of the chains that are done or ended which have taken too many steps."""
        done = list(made)
        self._count(done)
        middle = self._middle()
        if middle is None:
            return []
        csvs = [(m.run, m.csv) for m in done if self._steps[m.run.chain] > _limit(middle)]
        csvs += [(run, self._copy(run)) for run in ended]
        for run, _ in csvs:
            self._steps.pop(run.chain, None)
        return [
            _cut(run, csv, self.path(f"given_up_{run.file}"), middle)
            for run, csv in sorted(csvs, key=lambda entry: entry[0].chain)
        ]

    def _middle(self) -> int | None:
        """Return the steps of the middle chain, of an even number the lower; None if unknown.

        Of those that are done it is an upper bound, so that who exceeds ten times it always will.
        """
        half = -(-self.chains // 2)
        return sorted(self._steps.values())[half - 1] if len(self._steps) >= half else None

    def _count(self, done: Iterable[Made]) -> None:
        for made in done:
            if made.run.chain not in self._steps:
                self._steps[made.run.chain] = int(read_sampler(made.csv)["n_steps"].sum())

    def _exceeds(self, job: Running, middle: int) -> bool:
        """Read what a run has written since, and copy it where its steps are too many."""
        draft = self._drafts.setdefault(job.run.name, _Draft(job.csv))
        if draft.read() <= _limit(middle):
            return False
        draft.copy(self._copy(job.run))
        return True

    def _copy(self, run: Run) -> Path:
        return self.path(f"ended_{run.file}")


@dataclass
class _Draft:
    """What a sampler writes: our driver's draft beside the CSV, or the CSV itself."""

    csv: Path
    _figures: RowFigures = field(default_factory=RowFigures)
    _path: Path | None = None
    _file: FileIO | None = None

    def read(self) -> int:
        """Read new rows, and return the leapfrog steps of all."""
        self._open()
        while self._file is not None and (block := self._file.read(_BLOCK)):
            for _ in self._figures.take(block):
                pass
        return self._figures.leapfrog

    def copy(self, target: Path) -> None:
        """Copy what is written, under whatever name it lies by now."""
        assert self._file is not None
        self._file.seek(0)
        with target.open("wb") as copy:
            while block := self._file.read(_BLOCK):
                copy.write(block)

    def _open(self) -> None:
        """Open what the program that runs now writes: one that was killed has left another."""
        drafts = sorted(self.csv.parent.glob(f"{self.csv.name}*"), key=_changed)
        if drafts and drafts[-1] != self._path:
            with suppress(FileNotFoundError):
                self._file = FileIO(drafts[-1])
                self._path, self._figures = drafts[-1], RowFigures()


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _limit(middle: int) -> int:
    return max(BEHIND * middle, FEWEST_STEPS)


def _cut(run: Run, csv: Path, target: Path, middle: int) -> GivenUp:
    """Write a Stan CSV up to the row at which the chain had taken too many steps."""
    steps, densities, columns = 0, list[float](), list[str]()
    with csv.open(encoding="utf-8") as file, target.open("w", encoding="utf-8") as part:
        for line in file:
            part.write(line)
            if line.startswith("#"):
                continue
            if not columns:
                columns = line.strip().split(",")
                density, leapfrog = columns.index("lp__"), columns.index("n_leapfrog__")
                continue
            fields = line.split(",", leapfrog + 1)
            densities.append(float(fields[density]))
            steps += int(float(fields[leapfrog]))
            if steps > _limit(middle):
                break
    rows = len(densities)
    return GivenUp(run, target, rows, steps, middle, fmean(densities[rows // 2 :]))

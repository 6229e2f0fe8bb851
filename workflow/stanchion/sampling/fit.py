"""What a procedure runs programs with: its fit's program, data, seed and cores."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from stanchion.errors import ChainError
from stanchion.plan.arguments import SampleChain, SampleFit
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import Job
from stanchion.provenance.cache import Cache
from stanchion.sampling.chain import STEP, Chain, can_be_cut, finish, sample
from stanchion.sampling.together import EndedError, LostError, granted_threads, together
from stanchion.stan.command import RunFiles
from stanchion.stan.points import Points, evaluate, unconstrained_size
from stanchion.stan.process import ProgramFailedError, run_program
from stanchion.stan.rows import Rows
from stanchion.stan.states import note_families
from stanchion.system.folders import cache_root
from stanchion.system.hashes import file_hash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SAVES = "method=sample"
"""The method of CmdStan that our driver saves the state of."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the fit's program that a procedure asks for."""

    name: str
    """What messages call it, no other run of the fit like it; names its Stan CSV in the archive."""
    command: tuple[str, ...]
    rows: Rows
    seed: int
    chain: int = 1
    start: float | None = None
    init: Path | None = None
    metric: Path | None = None
    mode: Path | None = None
    parts: int = 1

    @property
    def file(self) -> str:
        """The name of its Stan CSV."""
        return f"{re.sub(r'[^A-Za-z0-9.]+', '_', self.name)}.csv"


@dataclass(frozen=True)
class Made:
    """A run that gave its Stan CSV."""

    run: Run
    csv: Path


@dataclass(frozen=True)
class Failed:
    """A run whose program ended itself, with its last words."""

    run: Run
    because: str


@dataclass(frozen=True)
class Running:
    """A run that goes on, and where its Stan CSV is to be; the driver's draft lies beside it."""

    run: Run
    csv: Path


@dataclass(frozen=True)
class Ended:
    """A run that was ended because nothing was to be had of it any more."""

    run: Run


Hopeless = Callable[[Sequence[Made], Sequence[Running]], Collection[Run]]
"""Says which of the runs that go on are to be ended, by those that are done."""


@dataclass(frozen=True)
class Fit:
    """A fit as its procedure sees it: whatever it runs is cached and saved by its own key."""

    job: Job[SampleFit]
    folder: Path
    """Of its own, for what is run; it goes with the step."""
    notes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def seed(self) -> int:
        """The fit's seed."""
        return self.job.arguments.seed

    def run(self, runs: Sequence[Run]) -> list[Made | Failed]:
        """Run them, as many at once as the step has cores for, and return what came of each.

        Raises:
            ChainError: one was killed, met its time limit, or left a CSV that is not whole.
        """
        results = self.run_watched(runs, None)
        return [result for result in results if not isinstance(result, Ended)]

    def run_watched(
        self, runs: Sequence[Run], hopeless: Hopeless | None
    ) -> list[Made | Failed | Ended]:
        """Run them as `run` does, and end those that are `hopeless` meanwhile."""
        threads = self.job.arguments.threads
        at_once = max(granted_threads(threads * self.job.arguments.jobs) // threads, 1)
        chains = [self._chain(run) for run in runs]
        note_families(self.job.key, [c.family for c in chains if c.arguments.saving is not None])
        made = [Made(run, chain.output) for run, chain in zip(runs, chains, strict=True)]

        def to_end(answers: Mapping[int, object], running: Sequence[int]) -> Collection[int]:
            assert hopeless is not None
            done = [made[index] for index, answer in answers.items() if isinstance(answer, dict)]
            ended = hopeless(done, [Running(made[i].run, made[i].csv) for i in running])
            return [index for index in running if made[index].run in ended]

        calls = [partial(_made, chain, self._origin) for chain in chains]
        answers = together(calls, at_once, None if hopeless is None else to_end)
        results: list[Made | Failed | Ended] = []
        for run, chain, answer in zip(runs, chains, answers, strict=True):
            if isinstance(answer, dict):
                self.notes.append({"name": run.name, "key": chain.key, **answer})
                results.append(Made(run, chain.output))
            elif isinstance(answer, ProgramFailedError):
                self.notes.append({"name": run.name, "key": chain.key, "failed": str(answer)})
                results.append(Failed(run, str(answer)))
            elif isinstance(answer, LostError):
                raise ChainError(f"{run.name} was killed", todo="run again: what is done stays")
            elif isinstance(answer, EndedError):
                self.notes.append({"name": run.name, "key": chain.key, "ended": True})
                results.append(Ended(run))
            else:
                raise answer
        return results

    def forget_beginnings(self, longest: Sequence[Run], shorter: Sequence[Run]) -> None:
        """Remove from the cache those shorter runs made for this fit that can be cut from longer.

        All rounds of a chain would take the square of their number in space.
        """
        keys = {note["key"] for note in self.notes if self._made_here(note)}
        beginnings = [chain for run in shorter if (chain := self._chain(run)).key in keys]
        for chain in map(self._chain, longest):
            if can_be_cut(chain):
                for beginning in beginnings:
                    if beginning.family == chain.family and beginning.key != chain.key:
                        Cache(cache_root()).remove(STEP, beginning.key)

    def _made_here(self, note: Mapping[str, Any]) -> bool:
        """Tell whether a run was made for this fit, now or in an interrupted run."""
        reused = note.get("reused")
        return reused is None or reused.get("key") == self.job.key

    def path(self, name: str) -> Path:
        """Return where a file of this name may be written, for a run to read."""
        path = self.folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def evaluate(
        self, points: NDArray[np.float64] | Path, *, generated_quantities: bool = False
    ) -> Points:
        """Return the fit's program at points, as `stan.points.evaluate` takes them.

        Raises:
            CannotEvaluateError: the program's CmdStan is not Stanchion's own.
            ChainError: the program failed.
        """
        folder = Path(mkdtemp(dir=self.folder))
        try:
            return evaluate(
                self._call,
                points,
                data=self.job.path("data"),
                folder=folder,
                seed=self.seed,
                generated_quantities=generated_quantities,
            )
        finally:
            shutil.rmtree(folder)

    def unconstrained_size(self) -> int:
        """Return the number of unconstrained parameters, as `stan.points` finds it."""
        folder = Path(mkdtemp(dir=self.folder))
        try:
            return unconstrained_size(self._call, data=self.job.path("data"), folder=folder)
        finally:
            shutil.rmtree(folder)

    def _call(self, arguments: Sequence[str], name: str) -> object:
        job = self.job
        return run_program(
            [str(job.path("executable")), *arguments],
            job.log,
            chain=name,
            time_limit=job.arguments.time_limit,
            descriptor=job.descriptors["executable"],
        )

    @property
    def _origin(self) -> Mapping[str, Any]:
        return {"step": self.job.step, "key": self.job.key, **self.job.made_in}

    def _chain(self, run: Run) -> Chain:
        """Return a run as the plain step of the same command line has it, with its very key."""
        job, arguments = self.job, self.job.arguments
        files = RunFiles(job.path("data"), init=run.init, metric=run.metric, mode=run.mode)
        output = self.folder / "runs" / run.file / "chain.csv"
        output.parent.mkdir(parents=True, exist_ok=True)
        return Chain(
            SampleChain(
                command=run.command,
                rows=run.rows,
                start=run.start,
                seed=run.seed,
                chain=run.chain,
                threads=arguments.threads,
                name=run.name,
                method=arguments.method,
                time_limit=arguments.time_limit,
                saving=arguments.saving if run.command[0] == _SAVES else None,
                parts=run.parts,
            ),
            {
                "step": STEP,
                "version": STEPS[STEP].version,
                "content": {name: file_hash(path) for name, path in files.others().items()},
                "upstream": job.made_of["upstream"][:2],
                **{name: job.made_of[name] for name in ("lineage",) if name in job.made_of},
            },
            files,
            job.path("executable"),
            job.descriptors["executable"],
            output,
            job.log.with_name(f"{job.log.stem}.{output.parent.stem}.log"),
        )


def _made(chain: Chain, origin: Mapping[str, Any]) -> dict[str, Any]:
    """Take a run's CSV from the cache, or make and keep it; return notes for the record."""
    cache, version, outputs = Cache(cache_root()), STEPS[STEP].version, {"chain": chain.output}
    entry = cache.fetch(STEP, chain.key, outputs, version)
    if entry is not None:
        return {"reused": entry["origin"]}
    chain.log.parent.mkdir(parents=True, exist_ok=True)
    chain.log.write_text("")
    sample(chain)
    made = {"chain": file_hash(chain.output)}
    described = (
        {**origin, "command": chain.notes["command"]} if "command" in chain.notes else origin
    )
    try:
        cache.store(STEP, chain.key, outputs, described, version, made)
    except OSError as error:
        return {**chain.notes, "uncached": f"{error.filename}: {error.strerror}"}
    finish(chain)
    return chain.notes

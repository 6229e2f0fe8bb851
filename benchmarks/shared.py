"""What the benchmarks of whole runs share: a project to run, timed commands, the run's records."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stanchion.stan.toolchain import find

STANCHION = Path(sys.executable).with_name("stanchion")


@dataclass(frozen=True)
class Took:
    """Wall time and the CPU time of a command and of all that it waited for, in seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class StepTime:
    """When a step began and ended, by its record: seconds since the epoch."""

    name: str
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """The step's wall time."""
        return self.ended - self.began


def environment(folder: Path) -> dict[str, str]:
    """Return the variables of a run with this machine's CmdStan and a cache of its own."""
    return {
        **os.environ,
        "CMDSTAN": str(find().path),
        "STANCHION_CACHE": str(folder / "cache"),
    }


def timed(command: Sequence[str], folder: Path, variables: dict[str, str]) -> Took:
    """Run a command and return its times; what it printed is shown where it fails."""
    begin, before = time.perf_counter(), _cpu_of_children()
    completed = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    if completed.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{completed.stdout}\n{completed.stderr}")
    return Took(time.perf_counter() - begin, _cpu_of_children() - before)


def keep_programs(project: Path, programs: Path) -> None:
    """Copy each program that a project's run has compiled, under its name."""
    programs.mkdir()
    for path in (project / ".stanchion" / "programs").glob("*/model"):
        shutil.copy(path, programs / path.parent.name.rpartition("-")[0])


def forget(project: Path, cache: Path) -> None:
    """Remove every result of a project but the compiled programs."""
    for folder in (project / "results", project / ".snakemake", project / "logs"):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (cache / "steps").iterdir():
        if folder.name != "compile_program":
            shutil.rmtree(folder)


def step_times(project: Path) -> list[StepTime]:
    """Return the time of each step of the last run, from the records; compilations stand apart."""
    paths = (project / "results").rglob("records/*/*.json")
    records = [json.loads(path.read_text()) for path in paths]
    return [
        StepTime(r["step"], _moment(r["started"]), _moment(r["ended"]))
        for r in records
        if r["step"] != "compile_program"
    ]


def seconds_by_step(steps: Sequence[StepTime]) -> list[tuple[str, int, float]]:
    """Return name, number and wall time in seconds of the steps of each kind, the longest first."""
    kinds = {step.name: [s.seconds for s in steps if s.name == step.name] for step in steps}
    rows = [(name, len(seconds), sum(seconds)) for name, seconds in kinds.items()]
    return sorted(rows, key=lambda row: -row[2])


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

"""What the rules ask of the plan: functions of wildcards, and the settled key files."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stanchion.config import load
from stanchion.errors import StanchionError, machine_fault
from stanchion.plan import handover
from stanchion.plan.facts import gather
from stanchion.plan.model import Plan, Step
from stanchion.plan.paths import log_file
from stanchion.plan.planner import make_plan
from stanchion.provenance import keyfile
from stanchion.provenance.keyfile import State
from stanchion.provenance.runs import describe_run, run_id
from stanchion.stan.toolchain import find
from stanchion.system.lock import lock_for_snakemake
from stanchion.system.temporaries import sweep
from stanchion.system.writing import write_whole

Wildcards = Mapping[str, str]
NOTHING = "(?!)"
_PATTERN_LIKE = re.compile(r"[{}<>\n]")
"""Snakemake fills in {wildcards} and <pathvars>, also in what an input function returns."""
HANDED_OVER = (
    "STANCHION_RUN_ID",
    "STANCHION_CACHE",
    "STANCHION_SCRATCH",
    "STANCHION_WARM",
    "CMDSTAN",
)
_SLURM = "snakemake_executor_plugin_slurm"
"""There once Snakemake has started, and nowhere else."""
_NOT_SHOWN = ("compile_program", "sample_chain", "approximate_posterior")


@dataclass(frozen=True)
class Graph:
    """A plan as Snakemake's rules see it."""

    plan: Plan

    def step(self, rule: str, wildcards: Wildcards) -> Step:
        """Return the step that a rule's wildcards name."""
        return self.plan.step(rule, dict(wildcards.items()))

    def job(self, rule: str) -> Callable[[Wildcards], str]:
        """Return the input function for a rule's job file."""
        return lambda wildcards: self.step(rule, wildcards).job_file

    def upstream(self, rule: str) -> Callable[[Wildcards], list[str]]:
        """Return the input function for the key files of the steps that a step follows."""
        return lambda wildcards: [s.key_file for s in self.step(rule, wildcards).upstream]

    def files(self, rule: str, *names: str) -> Callable[[Wildcards], list[str]]:
        """Return the input function for the named inputs of a rule, where the step has them.

        A source whose name Snakemake would take for a pattern is left to the step and its key.
        """

        def found(wildcards: Wildcards) -> list[str]:
            inputs = self.step(rule, wildcards).inputs
            paths = [path for name in names or inputs for path in _listed(inputs.get(name, []))]
            return [path for path in paths if not _PATTERN_LIKE.search(path)]

        return found

    def key(self, rule: str) -> Callable[[Wildcards], str]:
        """Return the params function for a step's key."""
        return lambda wildcards: self.step(rule, wildcards).key

    def threads(self, rule: str) -> Callable[[Wildcards], int]:
        """Return the function for the threads that a step reserves."""
        return lambda wildcards: self.step(rule, wildcards).threads

    def methods(self, kind: str) -> str:
        """Return the pattern of the names of the methods of a kind."""
        named = {
            name
            for analysis in self.plan.project.analyses.values()
            for name, method in analysis.methods.items()
            if method.method == kind
        }
        return "|".join(sorted(named)) or NOTHING

    def environment(self) -> list[str]:
        """Return the variables that a job needs where its machine does not inherit them all."""
        return [name for name in HANDED_OVER if name in os.environ]

    def targets(self, analyses: Iterable[str] = ()) -> list[str]:
        """Return what a run makes: all results that stay, with the key files that prove them."""
        return [
            path
            for step in staying_steps(self.plan, analyses)
            for path in (*step.outputs.values(), step.key_file)
        ]


def chosen_analyses(plan: Plan, analyses: Sequence[str]) -> list[str]:
    """Return the analyses asked for, all where none is, in the order of their declaration.

    Raises:
        StanchionError: one is not declared.
    """
    declared = list(plan.project.analyses)
    for name in analyses:
        if name not in declared:
            raise StanchionError(f"no analysis {name!r}", allowed=", ".join(declared))
    return [name for name in declared if not analyses or name in analyses]


def staying_steps(plan: Plan, analyses: Iterable[str] = ()) -> list[Step]:
    """Return the steps of these analyses, or of all, whose results stay after a run."""
    chosen = set(analyses) or set(plan.project.analyses)
    kept = {name for name in chosen if "csv" in plan.project.analyses[name].keep}
    return [
        step
        for step in plan
        if step.wildcards.get("analysis") in chosen
        and (step.rule not in _NOT_SHOWN or step.wildcards["analysis"] in kept)
    ]


def open_graph(
    file: Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    main: bool = True,
    alone: bool = True,
) -> Graph:
    """Read a declaration and return its graph; the main process settles key files and writes jobs.

    A job of a run on another machine takes the plan that the main process has kept for it. A main
    process that is to be alone holds the project's lock from here on.

    Raises:
        StanchionError: another run holds the lock, or the disk is full.
        DeclarationError: the declaration, a dataset or a program is wrong.
        ToolchainError: there is no CmdStan to read the programs with.
    """
    try:
        return _open(file, overrides, main=main, alone=alone)
    except OSError as error:
        fault = machine_fault(error)
        if fault is None:
            raise
        raise StanchionError(fault) from error


def _open(file: Path, overrides: Mapping[str, Any] | None, *, main: bool, alone: bool) -> Graph:
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    run_id()
    if not main and (plan := handover.kept()) is not None:
        return Graph(plan)
    if main and alone:
        lock_for_snakemake(sys.argv[1:])
    project = load(file, dict(overrides or {}))
    plan = make_plan(project, gather(project, file.parent / "waivers.yaml"))
    if main and _SLURM in sys.modules:
        from stanchion.runs.slurm_executor import take_over

        take_over()
    if main and (stale := stale_steps(plan)):
        if alone:
            logs = (Path(log_file(step.rule, step.wildcards)).parent for step in stale)
            _require_writable([*logs, *(path for step in stale for path in _written_by(step))])
        describe_run(project.project, plan.facts.toolchain, find().stanc)
        handover.keep(plan)
    return Graph(plan)


def stale_steps(plan: Plan) -> list[Step]:
    """Settle every key file, write every job file, return the steps without current results."""
    stale, staying = [], set(map(id, staying_steps(plan)))
    for step in plan:
        state = keyfile.settle(step)
        if state is State.ALTERED and id(step) not in staying:
            Path(step.key_file).unlink(missing_ok=True)
            state = State.MISSING
        if state is not State.CURRENT:
            stale.append(step)
        _write_job(step, state)
    for folder in dict.fromkeys(folder for step in stale for folder in _written_by(step)):
        sweep(folder)
    _bring_to_now(path for step in stale for path in _read_by(step))
    return stale


def _require_writable(folders: Iterable[Path]) -> None:
    """Look at each folder that a run would write to, or at the nearest above it that is there.

    Raises:
        StanchionError: this user may not write to one.
    """
    for folder in dict.fromkeys(folders):
        there = next(place for place in (folder, *folder.parents) if place.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            raise StanchionError(
                "this folder may not be written",
                where=str(there),
                todo="give yourself the right to write there, or work in a copy of the project",
            )


def _written_by(step: Step) -> list[Path]:
    outputs = [Path(path).parent for path in step.outputs.values()]
    return [Path(step.key_file).parent, Path(step.records), *outputs]


def _read_by(step: Step) -> list[str]:
    return [step.job_file, *(path for found in step.inputs.values() for path in _listed(found))]


def _bring_to_now(paths: Iterable[str]) -> None:
    """Give files whose modification time lies in the future the time of now.

    No time of a file decides what runs, but Snakemake fails a job whose input is younger than what
    it has just written.

    Raises:
        StanchionError: the file is somebody else's.
    """
    soon = time.time() + 1
    for path in dict.fromkeys(paths):
        try:
            if Path(path).stat().st_mtime > soon:
                os.utime(path)
                print(
                    f"{path}: its modification time lay in the future, and is now", file=sys.stderr
                )
        except FileNotFoundError:
            continue
        except PermissionError as error:
            raise StanchionError(
                "its modification time lies in the future, and you may not change it",
                where=path,
                todo=f"have its owner run `touch {path}`, or declare a copy",
            ) from error


def _write_job(step: Step, state: State) -> None:
    """Write a step's job file; its time is what makes Snakemake run the step.

    Where the step is to run its text changes too: Snakemake holds a small file of the same content
    for the same, however new it is, and would let an altered or a copied result pass.
    """
    again = run_id() if keyfile.is_to_run(step, state) else None
    path, text = Path(step.job_file), step.job().text(again)
    stamp = keyfile.TO_RUN if keyfile.is_to_run(step, state) else keyfile.SETTLED
    with suppress(OSError):
        if path.read_bytes() == text.encode():
            if path.stat().st_mtime != stamp:
                os.utime(path, (stamp, stamp))
            return
    write_whole(path, text)
    os.utime(path, (stamp, stamp))


def _listed(found: str | list[str]) -> list[str]:
    return found if isinstance(found, list) else [found]

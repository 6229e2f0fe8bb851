"""Key files and job files as a run needs them: what is current, what is to run, and why.

A key file says with which key a step's outputs were made; its job file is what makes Snakemake run
the step again.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from stanchion.errors import StanchionError
from stanchion.plan.model import Plan, Step
from stanchion.plan.paths import log_file
from stanchion.plan.staying import staying_steps
from stanchion.provenance import keyfile
from stanchion.provenance.keyfile import State
from stanchion.provenance.runs import run_id
from stanchion.system.temporaries import sweep
from stanchion.system.writing import write_whole


def settle_steps(plan: Plan) -> list[Step]:
    """Settle every key file, write every job file, return the steps without current results."""
    stale, staying = [], set(map(id, staying_steps(plan)))
    for step in plan:
        state = keyfile.settle(step)
        if state is State.ALTERED and id(step) not in staying:
            Path(step.key_file).unlink(missing_ok=True)
            state = State.MISSING
        if state is State.MISSING and _lacks_what_no_rule_names(step):
            Path(step.key_file).unlink(missing_ok=True)
        if state is not State.CURRENT:
            stale.append(step)
        _write_job(step, state)
    for folder in dict.fromkeys(folder for step in stale for folder in _written_by(step)):
        sweep(folder)
    _bring_to_now(path for step in stale for path in _read_by(step))
    return stale


def _lacks_what_no_rule_names(step: Step) -> bool:
    """Tell whether an output is gone that Snakemake does not know, so that it must miss another."""
    unruled = set(step.outputs.values()) - set(step.ruled_outputs.values())
    return any(not Path(path).exists() for path in unruled)


def is_current(step: Step) -> bool:
    """Tell whether a step's outputs are what it wrote with the plan's key; changes no result."""
    return keyfile.state_of(step) is State.CURRENT


def require_writable(stale: Iterable[Step]) -> None:
    """Look at each folder that these steps would write to.

    Raises:
        StanchionError: this user may not write to one.
    """
    logs = (Path(log_file(step.rule, step.wildcards)).parent for step in stale)
    _require_writable([*logs, *(path for step in stale for path in _written_by(step))])


def _require_writable(folders: Iterable[Path]) -> None:
    """Look at each folder that a run would write to, or at the nearest above it that is there.

    Raises:
        StanchionError: this user may not write to one.
    """
    for folder in dict.fromkeys(folders):
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        if not os.access(existing, os.W_OK | os.X_OK):
            raise StanchionError(
                "this folder may not be written",
                where=str(existing),
                todo="give yourself the right to write there, or work in a copy of the project",
            )


def _written_by(step: Step) -> list[Path]:
    outputs = [Path(path).parent for path in step.outputs.values()]
    return [Path(step.key_file).parent, Path(step.records), *outputs]


def _read_by(step: Step) -> list[str]:
    return [step.job_file, *(path for paths in step.inputs.values() for path in _listed(paths))]


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


def _listed(paths: str | list[str]) -> list[str]:
    return paths if isinstance(paths, list) else [paths]

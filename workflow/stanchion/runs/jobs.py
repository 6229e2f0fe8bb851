"""The jobs of this project that a cluster knows, as `stanchion status` shows them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from stanchion.runs import slurm
from stanchion.runs.status import FitStatus

_PATIENCE = 15.0
_NOT_SET_UP = "Could not establish a configuration source"
"""What `squeue` says on a machine that has Slurm's commands and belongs to no cluster."""
_STATES = {"PENDING": "pending", "RUNNING": "running", "COMPLETED": "done"}


@dataclass(frozen=True)
class JobStatus:
    """One job: a step, or a group of a fit's steps."""

    job: str
    step: str
    place: str
    """Whose results it makes: analysis/dataset/model/method, as far as that goes."""
    state: str
    """pending, running, done, or the scheduler's own word."""
    node: str | None = None
    since: str | None = None
    """When it began to run, in the cluster's local time."""
    reason: str | None = None
    """Why it waits."""


def known_jobs(analyses: Collection[str] = ()) -> list[JobStatus] | None:
    """Return the last job of each step in this folder; none on a machine without Slurm.

    Where Slurm does not answer that is said, and None returned.
    """
    try:
        rows = slurm.queue(ended=True, patience=_PATIENCE)
    except FileNotFoundError:
        return []
    except slurm.NoAnswerError as error:
        if _NOT_SET_UP in str(error):
            return []
        print(f"Slurm does not answer ({error}): its jobs are not shown", file=sys.stderr)
        return None
    here = Path.cwd()
    ours = [row for row in rows if Path(row.folder) == here and ":" in row.name]
    last = {row.name: row for row in sorted(ours, key=_number)}
    statuses = [_status(row) for row in sorted(last.values(), key=_number)]
    return [job for job in statuses if not analyses or job.place.partition("/")[0] in analyses]


def in_progress(statuses: Sequence[FitStatus], jobs: Sequence[JobStatus]) -> list[FitStatus]:
    """Return the statuses, with the state of a fit that has jobs in the cluster from these."""
    states = {(job.place, job.state) for job in jobs}
    going = {
        status.fit: state
        for state in ("pending", "running")
        for status in statuses
        if status.verdict is None and (status.fit, state) in states
    }
    return [replace(status, state=going.get(status.fit, status.state)) for status in statuses]


def job_table(jobs: Sequence[JobStatus]) -> str:
    """Return the jobs as a plain text table, one row a job that is not done, and their number."""
    going = [job for job in jobs if job.state != "done"]
    rows = [("job", "step", "of", "state"), *((j.job, j.step, j.place, _shown(j)) for j in going)]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
    finished = len(jobs) - len(going)
    return "\n".join([*(lines if going else []), *([f"jobs done: {finished}"] if finished else [])])


def _number(row: slurm.Job) -> int:
    return int(row.job.partition("_")[0])


def _status(row: slurm.Job) -> JobStatus:
    path = PurePath(row.name.partition(":")[2])
    state = _STATES.get(row.state, row.state)
    return JobStatus(
        row.job,
        path.name,
        str(path.parent),
        state,
        node=row.node or None,
        since=row.since if row.since != "N/A" else None,
        reason=row.reason if state == "pending" else None,
    )


def _shown(job: JobStatus) -> str:
    if job.state == "running":
        return f"running on {job.node} since {job.since}"
    return job.state + slurm.in_words(job.reason)

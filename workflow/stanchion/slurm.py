"""What a run asks of Slurm: how a job ended, and which jobs a killed run has left there."""

from __future__ import annotations

import getpass
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ADVICE = {
    "TIMEOUT": "give this step more minutes: `runtime` under set-resources in the profile",
    "OUT_OF_MEMORY": "give this step more memory: `mem_mb` under set-resources in the profile",
}
"""What to do about the state in which Slurm ended a job."""
_FORMAT = "%i|%T|%j|%Z"
_POLL = 5.0


@dataclass(frozen=True)
class Leftover:
    """A job in Slurm that this project's last run sent there."""

    job: str
    state: str


def settle_leftovers(prefix: str) -> None:
    """Cancel the jobs that have not begun and wait for those that run, whose work is then kept.

    The caller holds the project's lock, so that no living run waits for these jobs.
    """
    waiting = False
    while found := leftovers(prefix):
        pending = [left.job for left in found if left.state == "PENDING"]
        if pending:
            subprocess.run(["scancel", "--state=PENDING", *pending], check=False)
        if not waiting and len(pending) < len(found):
            names = " ".join(left.job for left in found if left.job not in pending)
            print(
                f"waiting for jobs of an earlier run, whose work is kept: {names}\n"
                f"  do:       `scancel {names}` if you do not want it",
                file=sys.stderr,
            )
            waiting = True
        time.sleep(_POLL)


def state_of(job: str) -> str | None:
    """Return the state of a job, such as TIMEOUT; None where Slurm does not know it."""
    asked = ["squeue", "--noheader", "--states=all", "--jobs", job, "--format", "%T"]
    return _ask(asked).strip() or None


def leftovers(prefix: str) -> list[Leftover]:
    """Return the jobs of this folder, by the prefix of their name, that are not at their end."""
    asked = ["squeue", "--noheader", "--user", getpass.getuser(), "--format", _FORMAT]
    here = Path.cwd()
    rows = [line.split("|", 3) for line in _ask(asked).splitlines() if line.count("|") >= 3]
    return [
        Leftover(job, state)
        for job, state, name, folder in rows
        if name.startswith(f"{prefix}_") and Path(folder) == here
    ]


def _ask(command: list[str]) -> str:
    """Return what a command prints; nothing where it fails or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout

"""Jobs that a killed run has left in Slurm: the next run lets them end before it begins."""

from __future__ import annotations

import getpass
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

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


def leftovers(prefix: str) -> list[Leftover]:
    """Return the jobs of this folder, by the prefix of their name, that are not at their end."""
    asked = ["squeue", "--noheader", "--user", getpass.getuser(), "--format", _FORMAT]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return []
    here = Path.cwd()
    rows = [line.split("|", 3) for line in answer.stdout.splitlines() if line.count("|") >= 3]
    return [
        Leftover(job, state)
        for job, state, name, folder in rows
        if name.startswith(f"{prefix}_") and Path(folder) == here
    ]

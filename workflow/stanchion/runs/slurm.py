"""What a run asks of Slurm: its jobs, what their ends mean, and what a killed run has left there.

Slurm may not answer for a while: its controller is started again, or has too much to do. That is
not the answer "no jobs": it is waited out.
"""

from __future__ import annotations

import getpass
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stanchion.errors import StanchionError

PATIENCE = 60.0
"""Seconds that a command of Slurm's may take to answer."""
ACTIVE = frozenset(
    {
        "CONFIGURING",
        "COMPLETING",
        "PENDING",
        "REQUEUED",
        "REQUEUE_FED",
        "REQUEUE_HOLD",
        "RESIZING",
        "RESV_DEL_HOLD",
        "RUNNING",
        "SIGNALING",
        "SPECIAL_EXIT",
        "STAGE_OUT",
        "STOPPED",
        "SUSPENDED",
    }
)
"""The states of a job that has not come to its end (squeue's manual, "job state codes")."""
FORGOTTEN = "FORGOTTEN"
"""What we call the state of a job that Slurm does not know any more."""
MORE = {"TIMEOUT": "runtime", "OUT_OF_MEMORY": "mem_mb"}
"""The resource that a job had too little of, by the state in which Slurm ended it."""
_NOUNS = {"runtime": "minutes", "mem_mb": "memory"}
_REFUSALS = {
    "account": "correct `slurm_account` in the profile",
    "partition": "correct `slurm_partition` in the profile; `sinfo` lists what there is",
    "qos": "correct `slurm-qos` in the profile",
    "time limit": "lower `runtime` or `max_runtime` in the profile, or choose another partition",
    "memory": "lower `mem_mb` or `max_mem_mb` in the profile, or choose another partition",
    "node configuration": "ask for less memory or fewer threads, or choose another partition",
}
_CHOOSE = "see what your site allows, and correct the profile"
_UNREACHED = re.compile(
    r"unable to contact slurm|timed out on send/recv|zero bytes were|communication \w+ failure"
    r"|connection (refused|reset|timed out)|standby mode|temporarily un|endpoint is not connected"
    r"|authentication error|munge \w+ failed|failed to run sinfo",
    re.IGNORECASE,
)
"""What Slurm's commands say when they reached nobody (its slurm_errno.c), or when sinfo did not."""
_OUT_OF_MEMORY = re.compile(rb"slurmstepd.*oom.kill event|srun: error: .*: Out Of Memory")
_LOG_END = 64 << 10
_FORMAT = "%i|%T|%N|%S|%r|%Z|%j"
_POLL = 5.0


class NoAnswerError(Exception):
    """Slurm could not be asked: what it would say is not known."""


@dataclass(frozen=True)
class Job:
    """A job as Slurm's queue shows it; `since` is its start in the controller's local time.

    The reason for which it waits is "None" while Slurm has not looked at it.
    """

    job: str
    state: str
    node: str
    since: str
    reason: str
    folder: str
    name: str


class Patience:
    """Says once that Slurm does not answer, and once that it answers again."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._since: float | None = None
        self._alone = threading.Lock()

    @property
    def is_tried(self) -> bool:
        """Tell whether the last question stayed without an answer."""
        return self._since is not None

    def missed(self, why: object) -> None:
        """Note a question without an answer."""
        with self._alone:
            first = self._since is None
            self._since = self._since or time.monotonic()
        if first:
            self._say(f"Slurm does not answer ({why}): waiting; its jobs go on meanwhile")

    def answered(self) -> None:
        """Note an answer."""
        with self._alone:
            since, self._since = self._since, None
        if since is not None:
            self._say(f"Slurm answers again, after {time.monotonic() - since:.0f} s")


def queue(*, ended: bool = False, patience: float = PATIENCE) -> list[Job]:
    """Return this user's jobs that Slurm knows, those at their end too where asked for.

    Raises:
        NoAnswerError: Slurm does not answer, or not in time.
        FileNotFoundError: there is no squeue.
    """
    command = ["squeue", "--noheader", "--array", "--user", getpass.getuser(), "--format", _FORMAT]
    answer = _ask([*command, *(["--states=all"] if ended else [])], patience)
    rows = [line.split("|", 6) for line in answer.splitlines() if line.count("|") >= 6]
    return [Job(*(value.strip() for value in row)) for row in rows]


def settle_leftovers(prefix: str) -> None:
    """Cancel the jobs that have not begun and wait for those that run, whose work is then kept.

    The caller holds the project's lock, so that no living run waits for these jobs.

    Raises:
        StanchionError: this machine has no Slurm to send jobs to.
    """
    patience = Patience(_say)
    waiting = False
    while (jobs := _leftovers(prefix, patience)) or jobs is None:
        if jobs:
            pending = [job.job for job in jobs if job.state == "PENDING"]
            if pending:
                cancel(pending, "--state=PENDING")
            if not waiting and len(pending) < len(jobs):
                names = " ".join(job.job for job in jobs if job.job not in pending)
                _say(
                    f"waiting for jobs of an earlier run, whose work is kept: {names}\n"
                    f"  do:       `scancel {names}` if you do not want it"
                )
                waiting = True
        time.sleep(_POLL)


def cancel(jobs: Sequence[str], *options: str) -> None:
    """Have Slurm cancel jobs, if it hears: the caller asks again what there is."""
    with suppress(NoAnswerError, OSError):
        _ask(["scancel", *options, *jobs], PATIENCE)


def leftovers(prefix: str) -> list[Job]:
    """Return the jobs of this folder, by the prefix of their name, that are not at their end.

    Raises:
        NoAnswerError: Slurm does not answer.
        FileNotFoundError: there is no squeue.
    """
    names = tuple(f"{prefix}{mark}" for mark in ":_")
    here = Path.cwd()
    return [job for job in queue() if job.name.startswith(names) and Path(job.folder) == here]


def is_unreached(words: str) -> bool:
    """Tell whether these words of sbatch's say that it reached nobody, rather than "no"."""
    return _UNREACHED.search(words) is not None


def refusal(words: str) -> str:
    """Return the message for a job that Slurm does not take, from what sbatch says of it."""
    lines = [line.removeprefix("sbatch: error: ").strip() for line in words.splitlines()]
    reason = "; ".join(line for line in lines if line)
    advice = next((todo for word, todo in _REFUSALS.items() if word in reason.lower()), _CHOOSE)
    return f"Slurm does not take this job: {reason}\n  do:       {advice}"


def ending(state: str, job: str, *, spent: bool = False, goes_on: bool = False) -> str:
    """Return the message for a job that Slurm ended; `spent` where it had all that it may have.

    One that `goes_on` from a saved state needs another job only, not a longer one.
    """
    if state == FORGOTTEN:
        return f"ended from outside: Slurm does not know job {job} any more"
    message = f"ended by Slurm, which says {state} of job {job}"
    if state not in MORE:
        return message
    if goes_on:
        return f"{message}\n  do:       run again: it goes on from the state that it has saved"
    name = MORE[state]
    todo = f"give this step more {_NOUNS[name]}: `{name}` under set-resources in the profile"
    if spent:
        todo += f", and `max_{name}`, which allows no more"
    return f"{message}\n  do:       {todo}"


def memory_ran_out(log: Path) -> bool:
    """Tell whether a job's log says that the kernel killed for want of memory.

    Where that hit a step within the job, Slurm calls the job itself merely FAILED.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_END))
            return _OUT_OF_MEMORY.search(file.read()) is not None
    except OSError:
        return False


def more(had: int, most: int | None, times: int) -> int:
    """Return what to ask for after so many ends for want of it: twice as much each time, capped."""
    amount = int(had * 2**times)
    return amount if most is None else max(had, min(amount, most))


def in_words(why: str | None) -> str:
    """Return why a job waits, in parentheses, or nothing while Slurm has not looked at it."""
    return f" ({why})" if why not in (None, "None") else ""


def _leftovers(prefix: str, patience: Patience) -> list[Job] | None:
    """Return the leftovers, or None where Slurm does not answer now."""
    try:
        jobs = leftovers(prefix)
    except FileNotFoundError as error:
        raise StanchionError(
            "this machine has no Slurm: there is no `squeue`",
            todo="start the run on the cluster's login node, or leave out `--profile slurm`",
        ) from error
    except NoAnswerError as error:
        patience.missed(error)
        return None
    patience.answered()
    return jobs


def _ask(command: list[str], patience: float) -> str:
    """Return what a command prints."""
    try:
        completed = subprocess.run(command, capture_output=True, text=True, timeout=patience)
    except subprocess.TimeoutExpired as error:
        raise NoAnswerError(f"{command[0]} took longer than {patience:.0f} s") from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NoAnswerError(f"{command[0]}: {error.strerror}") from error
    if completed.returncode != 0:
        reason = completed.stderr.strip().rpartition("\n")[2]
        raise NoAnswerError(reason or f"{command[0]} failed with exit code {completed.returncode}")
    return completed.stdout


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)

"""What a person sees of Snakemake while it runs; its own log file keeps everything.

Steps leave their words in their logs and in notes; here they are said, once, wherever a step ran.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

from stanchion.errors import NO_SPACE, GateError
from stanchion.plan.step_words import WARNING, doing_of, is_line
from stanchion.provenance.runs import REFUSED, SIGNALLED, failures, listen
from stanchion.runs.styles import columns_of, folded, styled
from stanchion.system.folders import JOBS, STATE
from stanchion.system.sentences import counted

_HANDLER = "DefaultStreamHandler"
_OURS = (
    LogEvent.RUN_INFO,
    LogEvent.WORKFLOW_STARTED,
    LogEvent.RESOURCES_INFO,
    LogEvent.JOB_INFO,
    LogEvent.JOB_STARTED,
    LogEvent.JOB_FINISHED,
    LogEvent.JOB_ERROR,
    LogEvent.GROUP_INFO,
    LogEvent.GROUP_ERROR,
    LogEvent.PROGRESS,
)
"""Events of which a person gets our words, or those of the step."""
_NOISE = (
    "Using workflow specific profile",
    "Assuming unrestricted shared filesystem",
    "Building DAG",
    "Using shell",
    "Provided cores",
    "Provided remote nodes",
    "Rules claiming more threads",
    "Select jobs to execute",
    "Execute ",
    "Elapsed time",
    "Shutting down, this might take",
    "Terminating processes on user request",
    "Will exit after finishing currently running jobs",
    "Exiting because a job execution failed",
    "Complete log",
    "WorkflowError:\nAt least one job did not complete",
    "At least one job did not complete",
    "RuleException:\nCalledProcessError",
    "SLURM run ID",
    "No SLURM account given",
    "No account was given",
    "Unable to guess SLURM account",
    "Cleaning up SLURM log files",
    "Job rate limit reached",
    "--keep-incomplete mode is set",
    "Exception in run_job for rule",
    "Falling back to 'sacct' for status queries",
)
_NOTHING = "Nothing to be done"
_SUBMITTED = re.compile(r"Job \S+ has been submitted with SLURM jobid|Submitted (group )?job ")
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")
_END = 8192
"""Bytes of the end of a log that hold its last line."""
_LEAST_SPACE = 16 << 10
"""Bytes of free space below which a step could not leave word of its failure."""


def quieten() -> Terminal:
    """Have Snakemake's terminal show what steps say of themselves, and little more.

    What is shown can fail, and must not: an error here ends Snakemake's thread, and its run hangs.
    """
    terminal = Terminal()

    def attach(record: logging.LogRecord) -> bool:
        """Give the terminal its filter: Snakemake makes its handler anew just before it logs."""
        for handler in logging.getLogger(record.name).handlers:
            if handler.name == _HANDLER and terminal not in handler.filters:
                handler.addFilter(terminal)
        try:
            terminal.speak(record)
        except Exception as error:
            _print(f"internal error: {type(error).__name__}: {error}")
        return True

    logging.getLogger("snakemake.logging").addFilter(attach)
    listen()
    return terminal


class Terminal(logging.Filter):
    """Says a line a finished step on a terminal, each failure once, and nothing of Snakemake's own.

    A pipe gets failures and warnings only. `shows_all` lets Snakemake's own words through, and
    `keeps_nothing_to_do` those of a run that has nothing to do.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shows_all = False
        self.keeps_nothing_to_do = False
        self.is_screen = sys.stderr.isatty()
        self._done, self._total, self._targets = 0, 0, 0
        self._logs: dict[object, Path] = {}
        self._said: set[str] = set()

    @property
    def has_run_all(self) -> bool:
        """Whether every result was asked for, and some step was to run for it."""
        return self._targets > 0 and self._total > 0

    @property
    def steps(self) -> int:
        """How many steps Snakemake has to run, as far as it has counted."""
        return self._total

    def steps_done(self) -> str:
        """Return how many steps are done; nothing before Snakemake has counted them."""
        return f"{self._done} of {counted(self._total, 'step')} done" if self._total else ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record of Snakemake's is shown."""
        if self.shows_all:
            return True
        if getattr(record, "event", None) in _OURS:
            return False
        message = record.getMessage()
        if message.startswith(_NOTHING):
            return self.keeps_nothing_to_do
        return not message.startswith(_NOISE) and _SUBMITTED.match(message) is None

    def speak(self, record: logging.LogRecord) -> None:
        """Say of a step that has ended what it left word of."""
        event, facts = getattr(record, "event", None), vars(record)
        if event is LogEvent.RUN_INFO:
            self._targets = int(facts["stats"].get("all", 0))
            self._total = int(facts["stats"].get("total", 0)) - self._targets
        elif event is LogEvent.PROGRESS:
            self._total = facts["total"] - self._targets
            self._done = min(facts["done"], self._total)
        elif event is LogEvent.JOB_INFO and facts["log"]:
            self._logs[facts["jobid"]] = Path(facts["log"][0])
        elif event is LogEvent.JOB_FINISHED and facts["job_id"] in self._logs:
            line = _last_line(self._logs.pop(facts["job_id"]))
            if is_line(line) and (self.is_screen or WARNING in line):
                _print(_folded(line))
        elif event is LogEvent.GROUP_ERROR:
            self._speak_of_failure(facts["job_error_info"], facts)
        elif event is LogEvent.JOB_ERROR and not facts["indent"]:
            self._speak_of_failure([facts], facts)

    def speak_of_rest(self, noted: Iterable[Mapping[str, Any]]) -> None:
        """Say what is noted of failed steps and was not said as they failed."""
        for failure in noted:
            self._say_failure(failure)

    def _speak_of_failure(
        self, jobs: Sequence[Mapping[str, Any]], error: Mapping[str, Any]
    ) -> None:
        """Say what the steps of a failed job left word of; where that is nothing, what ended it."""
        paths = [PurePath(str(path)) for job in jobs for path in job["input"] or ()]
        files = [path for path in paths if path.is_relative_to(JOBS)]
        keys = {path.stem for path in files}
        noted = [failure for failure in failures() if failure["key"] in keys]
        for failure in noted:
            if failure["exit_code"] < SIGNALLED:
                self._say_failure(failure)
        if not noted and not _have_spoken(jobs):
            steps = ", ".join(map(doing_of, files)) or str(error.get("groupid", "a job"))
            refused = _refusal(error)
            self._say_once(f"{steps}: {refused or _end()}", refused)

    def _say_failure(self, failure: Mapping[str, Any]) -> None:
        """Say a failure in the step's words; of one that differs in numbers only, where it is."""
        message, log = failure["message"], failure.get("log")
        gist = message if failure.get("state") == REFUSED else _gist(message)
        if failure["exit_code"] == GateError.exit_code:
            log = None
        rest = f"\n(log: {log})" if log else ""
        again = f"{failure['step']} failed, for the same reason" if self.is_screen else ""
        key = f"{failure['key']}\n{message}"
        if key not in self._said:
            self._said.add(key)
            self._say_once(f"{failure['step']} failed\n{message}{rest}", gist, again)

    def _say_once(self, words: str, gist: str = "", again: str = "") -> None:
        """Say something unless its gist was said before: a thousand jobs may be refused alike."""
        if (gist or words) not in self._said:
            self._said.add(gist or words)
            head, _, rest = words.partition("\n")
            _print(
                f"\n{styled(_folded(head), 'fail', sys.stderr)}\n{_folded(rest)}".rstrip() + "\n"
            )
        elif again:
            _print(_folded(again))


def _gist(message: str) -> str:
    """Return what is alike in messages of one cause: their first line, without its numbers."""
    cause = message.partition("\n")[0]
    if cause.endswith(NO_SPACE):
        return NO_SPACE
    return _NUMBER.sub("#", message if cause.endswith(":") else cause)


def _folded(text: str) -> str:
    return folded(text, columns_of(sys.stderr))


def _have_spoken(jobs: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether the log of a failed step says so, as where its note could not be written."""
    logs = [Path(str(path)) for job in jobs for path in job.get("log") or ()]
    return any(" failed\n" in _text(log) for log in logs)


def _is_full(folder: Path) -> bool:
    try:
        state = os.statvfs(folder)
    except OSError:
        return False
    return state.f_bavail * state.f_frsize < _LEAST_SPACE


def _refusal(error: Mapping[str, Any]) -> str:
    """Return what Snakemake says of a job that could not be sent; of others it only knows less."""
    message = str(error.get("rule_msg") or "") if _scheduled(error) is None else ""
    for rest in ("For further error details", "    sbatch call:"):
        message = message.partition(rest)[0]
    return message.strip()


def _end() -> str:
    """Return what ended a job of which neither its step nor its scheduler left word."""
    if _is_full(Path(STATE)):
        return "failed, and the disk has no space left for its words"
    return "ended from outside"


def _scheduled(error: Mapping[str, Any]) -> str | None:
    number = error.get("external_jobid") or error.get("aux", {}).get("external_jobid")
    return str(number) if number else None


def _last_line(log: Path) -> str:
    """Return the last line of a log, of which only the end is read."""
    try:
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - _END, 0))
            return file.read().decode(errors="replace").rstrip().rpartition("\n")[2]
    except OSError:
        return ""


def _text(log: Path) -> str:
    try:
        return log.read_text(errors="replace")
    except OSError:
        return ""


def _print(words: str) -> None:
    if words:
        print(words, file=sys.stderr, flush=True)

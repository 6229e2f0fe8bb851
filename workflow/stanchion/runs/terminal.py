"""What a person sees of Snakemake during `stanchion run`; its own log file keeps everything."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

from stanchion.plan.paths import job_label
from stanchion.provenance.runs import REFUSED, SIGNALLED, failures
from stanchion.system.folders import JOBS, STATE

_HANDLER = "DefaultStreamHandler"
_TENTHS = 10
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
    "Shutting down, this might take",
    "Will exit after finishing currently running jobs",
    "Exiting because a job execution failed",
    "Complete log",
    "WorkflowError:\nAt least one job did not complete",
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
_SUBMITTED = re.compile(r"Job \S+ has been submitted with SLURM jobid|Submitted (group )?job ")
_LEAST_SPACE = 16 << 10
"""Bytes of free space below which a step could not leave word of its failure."""


def quieten() -> Terminal:
    """Have Snakemake's terminal show what a run adds to the steps' own lines, and no more.

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
            _say(f"internal error: {type(error).__name__}: {error}")
        return True

    logging.getLogger("snakemake.logging").addFilter(attach)
    return terminal


class Terminal(logging.Filter):
    """Lets through progress by tenths, and says what failed steps cannot say for themselves.

    Steps on other machines do not speak to this terminal: it reads their lines from their logs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps_are_elsewhere = False
        self._shown = 0
        self._logs: dict[object, Path] = {}
        self._printed: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is shown."""
        event = getattr(record, "event", None)
        if event in (LogEvent.JOB_FINISHED, LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR):
            return False
        if event is LogEvent.PROGRESS:
            return self._is_news(vars(record)["done"], vars(record)["total"])
        message = record.getMessage()
        return not message.startswith(_NOISE) and _SUBMITTED.match(message) is None

    def speak(self, record: logging.LogRecord) -> None:
        """Say of a step that has ended what it could not say here itself."""
        event, facts = getattr(record, "event", None), vars(record)
        if event is LogEvent.JOB_INFO and not facts["local"] and facts["log"]:
            self._logs[facts["jobid"]] = Path(facts["log"][0])
        elif event is LogEvent.JOB_FINISHED and facts["job_id"] in self._logs:
            line = _last_line(self._logs.pop(facts["job_id"]))
            if self.steps_are_elsewhere:
                _say(line)
        elif event is LogEvent.GROUP_ERROR:
            self._speak_of_failure(facts["job_error_info"], facts)
        elif event is LogEvent.JOB_ERROR and not facts["indent"]:
            self._speak_of_failure([facts], facts)

    def _speak_of_failure(
        self, jobs: Sequence[Mapping[str, Any]], error: Mapping[str, Any]
    ) -> None:
        """Say what the steps of a failed job left word of; where that is nothing, what ended it."""
        paths = [PurePath(str(path)) for job in jobs for path in job["input"] or ()]
        files = [path for path in paths if path.is_relative_to(JOBS)]
        keys = {path.stem for path in files}
        noted = [failure for failure in failures() if failure["key"] in keys]
        if self.steps_are_elsewhere:
            noted = [failure for failure in noted if failure["exit_code"] < SIGNALLED]
            for failure in noted:
                message = failure["message"]
                gist = message if failure.get("state") == REFUSED else ""
                self._say_once(f"{failure['step']} failed\n{message}", gist)
        if not noted and not _have_spoken(jobs):
            steps = ", ".join(map(job_label, files)) or str(error.get("groupid", "a job"))
            refused = _refusal(error)
            self._say_once(f"{steps}: {refused or _end()}", refused)

    def _say_once(self, words: str, gist: str = "") -> None:
        """Say something unless its gist was said before: a thousand jobs may be refused alike."""
        if (gist or words) not in self._printed:
            self._printed.add(gist or words)
            _say(f"\n{words}\n")

    def _is_news(self, done: int, total: int) -> bool:
        tenth = _TENTHS * done // total
        if tenth == self._shown:
            return False
        self._shown = tenth
        return True


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
    return _text(log).rstrip().rpartition("\n")[2]


def _text(log: Path) -> str:
    try:
        return log.read_text(errors="replace")
    except OSError:
        return ""


def _say(words: str) -> None:
    if words:
        print(words, file=sys.stderr, flush=True)

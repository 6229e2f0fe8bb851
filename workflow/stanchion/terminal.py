"""What a person sees of Snakemake during `stanchion run`; its own log file keeps everything."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

from stanchion.provenance.runs import failures

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
)
_SUBMITTED = re.compile(r"Job \S+ has been submitted with SLURM jobid|Submitted (group )?job ")
_SIGNALLED = 128


def quieten() -> Terminal:
    """Have Snakemake's terminal show what a run adds to the steps' own lines, and no more."""
    terminal = Terminal()

    def attach(record: logging.LogRecord) -> bool:
        """Give the terminal its filter: Snakemake makes its handler anew just before it logs."""
        for handler in logging.getLogger(record.name).handlers:
            if handler.name == _HANDLER and terminal not in handler.filters:
                handler.addFilter(terminal)
        if terminal.steps_are_elsewhere:
            terminal.speak_for_steps(record)
        return True

    logging.getLogger("snakemake.logging").addFilter(attach)
    return terminal


class Terminal(logging.Filter):
    """Lets through progress by tenths, and errors that no step has told about itself.

    Steps on other machines do not speak to this terminal: it reads their lines from their logs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps_are_elsewhere = False
        self._shown = 0
        self._logs: dict[object, Path] = {}
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is shown."""
        event = getattr(record, "event", None)
        if event is LogEvent.JOB_FINISHED:
            return False
        if event is LogEvent.PROGRESS:
            return self._is_news(vars(record)["done"], vars(record)["total"])
        if event in (LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR):
            return not _is_covered(vars(record))
        message = record.getMessage()
        return not message.startswith(_NOISE) and _SUBMITTED.match(message) is None

    def speak_for_steps(self, record: logging.LogRecord) -> None:
        """Say for a step that has ended elsewhere what it said of itself."""
        event, facts = getattr(record, "event", None), vars(record)
        if event is LogEvent.JOB_INFO and not facts["local"] and facts["log"]:
            self._logs[facts["jobid"]] = Path(facts["log"][0])
        elif event is LogEvent.JOB_FINISHED and facts["job_id"] in self._logs:
            _say(_last_line(self._logs.pop(facts["job_id"])))
        elif event in (LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR):
            for failure in _told(facts):
                words = f"\n{failure['step']} failed\n{failure['message']}\n"
                if words not in self._said:
                    self._said.add(words)
                    _say(words)

    def _is_news(self, done: int, total: int) -> bool:
        tenth = _TENTHS * done // total
        if tenth == self._shown:
            return False
        self._shown = tenth
        return True


def _is_covered(error: Mapping[str, Any]) -> bool:
    """Return whether the failing step left its own message, and not only that it was stopped."""
    if error["event"] is LogEvent.JOB_ERROR and error["indent"]:
        return True
    return any(failure["exit_code"] < _SIGNALLED for failure in _told(error))


def _told(error: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what the failing steps, known by their job files, have left word of."""
    jobs = error.get("job_error_info", [error])
    keys = {PurePath(str(path)).stem for job in jobs for path in job["input"] or ()}
    return [failure for failure in failures() if failure["key"] in keys]


def _last_line(log: Path) -> str:
    try:
        return log.read_text(errors="replace").rstrip().rpartition("\n")[2]
    except OSError:
        return ""


def _say(words: str) -> None:
    if words:
        print(words, file=sys.stderr, flush=True)

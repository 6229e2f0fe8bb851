"""What a person sees of Snakemake during `stanchion run`; its own log file keeps everything."""

from __future__ import annotations

import logging
from pathlib import PurePath

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
    "Rules claiming more threads",
    "Select jobs to execute",
    "Execute ",
    "Shutting down, this might take",
    "Exiting because a job execution failed",
    "Complete log",
    "WorkflowError:\nAt least one job did not complete",
    "RuleException:\nCalledProcessError",
)


def quieten() -> None:
    """Have Snakemake's terminal show what a run adds to the steps' own lines, and no more."""
    logging.getLogger("snakemake.logging").addFilter(_attach)


def _attach(record: logging.LogRecord) -> bool:
    """Give the terminal its filter: Snakemake makes its handler anew just before it logs."""
    for handler in logging.getLogger(record.name).handlers:
        if handler.name == _HANDLER and not any(isinstance(f, Terminal) for f in handler.filters):
            handler.addFilter(Terminal())
    return True


class Terminal(logging.Filter):
    """Lets through progress by tenths, and errors that no step has told about itself."""

    def __init__(self) -> None:
        super().__init__()
        self._shown = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is shown."""
        event = getattr(record, "event", None)
        if event is LogEvent.JOB_FINISHED:
            return False
        if event is LogEvent.PROGRESS:
            return self._is_news(vars(record)["done"], vars(record)["total"])
        if event in (LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR):
            return not _was_told(vars(record))
        return not record.getMessage().startswith(_NOISE)

    def _is_news(self, done: int, total: int) -> bool:
        tenth = _TENTHS * done // total
        if tenth == self._shown:
            return False
        self._shown = tenth
        return True


def _was_told(error: dict[str, object]) -> bool:
    """Return whether the failing step, known by its job file, left its own message."""
    told = {failure["key"] for failure in failures()}
    inputs = error.get("input")
    return any(PurePath(str(p)).stem in told for p in inputs) if isinstance(inputs, list) else False

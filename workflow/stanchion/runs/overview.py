"""What `stanchion status` shows: fits, comparisons, what was altered, what is left over, jobs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from stanchion.plan.opening import open_plan
from stanchion.runs import jobs, progress, progress_text, status, status_table
from stanchion.runs.live import is_screen, size_of
from stanchion.runs.styles import columns_of, styled
from stanchion.versions.declared import undeclared

_REFRESH = 3.0
"""Seconds between two looks at how far jobs are."""
_PLANNED = 30.0
"""Seconds between two looks at all else: results are hashed, and a cluster is asked."""
_LOG_SIZE = (200, 400)
"""Columns and lines of what is no terminal."""
_CLEAR = "\x1b[H\x1b[2J"


def overview(analyses: Sequence[str], declaration: Path, *, as_json: bool) -> str:
    """Return the state of these analyses, or of all, as a table or as JSON.

    Raises:
        StanchionError: the declaration, a dataset or a program is wrong.
    """
    plan = open_plan(declaration, main=False)
    known_jobs = jobs.known_jobs(analyses)
    going_on = progress.known_progress(analyses)
    fits = jobs.in_progress(status.fit_statuses(plan, analyses), known_jobs or [])
    running = {job.of for job in going_on}
    fits = [
        replace(fit, state="running") if fit.verdict is None and fit.fit in running else fit
        for fit in fits
    ]
    altered = status.altered_results(plan, analyses)
    comparisons = status.comparison_statuses(plan, analyses)
    extra = {} if analyses else undeclared(plan)
    if as_json:
        shown = progress_text.as_json(going_on)
        return status_table.as_json(fits, altered, comparisons, known_jobs, extra, shown)
    lines = [
        status_table.table(
            fits,
            altered,
            comparisons,
            width=columns_of(sys.stdout),
            style=partial(styled, stream=sys.stdout),
        ),
        *status_table.undeclared_lines(extra),
    ]
    return "\n".join([*lines, *([f"\n{jobs.job_table(known_jobs)}"] if known_jobs else [])])


def progress_block(analyses: Sequence[str]) -> str:
    """Return how far the jobs of these analyses are, or of all, after an empty line."""
    width, height = _LOG_SIZE
    with suppress(OSError):
        if os.isatty(1):
            width, height = size_of(1)
    lines = progress_text.block(
        progress.known_progress(analyses), width=width - 1, height=height // 2
    )
    return "\n".join(["", *lines]) if lines else ""


def watch(analyses: Sequence[str], declaration: Path) -> None:
    """Print the state of these analyses, or of all, again and again until Ctrl-C.

    On a terminal in place; elsewhere where something has changed.

    Raises:
        StanchionError: the declaration, a dataset or a program is wrong.
    """
    shown, planned, known = "", 0.0, ""
    with suppress(KeyboardInterrupt):
        while True:
            if not known or time.monotonic() - planned > _PLANNED:
                known = overview(analyses, declaration, as_json=False)
                planned = time.monotonic()
            text = "\n".join(part for part in (known, progress_block(analyses)) if part)
            if text != shown:
                print(f"{_CLEAR if is_screen(1) else ''}{text}", flush=True)
                shown = text
            time.sleep(_REFRESH)

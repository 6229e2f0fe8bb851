"""What `stanchion status` shows: fits, comparisons, what was altered, what is left over, jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stanchion.plan.opening import open_plan
from stanchion.runs import jobs, status, status_table
from stanchion.versions.declared import undeclared


def overview(analyses: Sequence[str], declaration: Path, *, as_json: bool) -> str:
    """Return the state of these analyses, or of all, as a table or as JSON.

    Raises:
        StanchionError: the declaration, a dataset or a program is wrong.
    """
    plan = open_plan(declaration, main=False)
    known_jobs = jobs.known_jobs(analyses)
    fits = jobs.in_progress(status.fit_statuses(plan, analyses), known_jobs or [])
    altered = status.altered_results(plan, analyses)
    comparisons = status.comparison_statuses(plan, analyses)
    extra = {} if analyses else undeclared(plan)
    if as_json:
        return status_table.as_json(fits, altered, comparisons, known_jobs, extra)
    lines = [status_table.table(fits, altered, comparisons), *status_table.undeclared_lines(extra)]
    return "\n".join([*lines, *([f"\n{jobs.job_table(known_jobs)}"] if known_jobs else [])])

"""How a status is shown: as a table on the terminal, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import nan
from typing import Any
from unicodedata import combining

from stanchion.checks.catalogue import CHECKS
from stanchion.checks.row import Figure
from stanchion.checks.verdicts import verdict_words
from stanchion.report.wording import shown
from stanchion.runs.status import FIGURES, ComparisonStatus, FitStatus, figures_of

_KHAT = CHECKS["khat"].figure
"""The column in which a comparison says how many k̂ of LOO are bad."""


def table(
    statuses: Sequence[FitStatus],
    altered: Sequence[str] = (),
    comparisons: Sequence[ComparisonStatus] = (),
) -> str:
    """Return the statuses as a plain text table, one row a fit, and name what was altered.

    Comparisons follow the fits.
    """
    headings = [figure.column or figure.heading for figure in FIGURES]
    head = ["fit", "verdict", *headings, "time"]
    rows = [
        [
            status.fit,
            verdict_words(status.verdict, status.weighting) if status.verdict else status.state,
            *(_cell(status, figure) for figure in FIGURES),
            _duration(status),
        ]
        for status in statuses
    ]
    rows += [
        [
            f"{comparison.comparison}: comparison",
            comparison.verdict or comparison.state,
            *(_bad(comparison) if figure == _KHAT else "" for figure in FIGURES),
            "",
        ]
        for comparison in comparisons
    ]
    widths = [max(_width(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(_padded(cell, w, left=i < 2) for i, (cell, w) in pairs).rstrip()
        for pairs in (list(enumerate(zip(row, widths, strict=True))) for row in [head, *rows])
    ]
    lines += [f"altered: {path} is not what its step wrote" for path in altered]
    return "\n".join(lines)


def undeclared_lines(paths_of: Mapping[str, Sequence[str]]) -> list[str]:
    """Return in words what lies among the results and is not declared, by analysis."""
    return [
        f"not declared: {path}; `stanchion clean {name}` removes it"
        for name, paths in paths_of.items()
        for path in paths
    ]


def as_json(
    statuses: Sequence[FitStatus],
    altered: Sequence[str] = (),
    comparisons: Sequence[ComparisonStatus] = (),
    jobs: Sequence[object] | None = (),
    undeclared: Mapping[str, Sequence[str]] | None = None,
    progress: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return the statuses, what was altered or not declared, jobs and progress, as JSON.

    The jobs are null where the cluster does not answer.
    """
    content = {
        "schema": "stanchion/status/1",
        "fits": [_flat(status) for status in statuses],
        "comparisons": [asdict(comparison) for comparison in comparisons],
        "altered": list(altered),
        "jobs": None if jobs is None else [vars(job) for job in jobs],
        "progress": list(progress),
        "not_declared": {name: list(paths) for name, paths in (undeclared or {}).items()},
    }
    return json.dumps(content, indent=1)


def _width(text: str) -> int:
    """Return how many columns a text takes; the hat of k̂ takes none."""
    return sum(not combining(letter) for letter in text)


def _padded(text: str, width: int, *, left: bool) -> str:
    space = " " * (width - _width(text))
    return text + space if left else space + text


def _bad(comparison: ComparisonStatus) -> str:
    return f"{comparison.khat_bad} bad" if comparison.khat_bad else ""


def _flat(status: FitStatus) -> dict[str, Any]:
    """Return a status as JSON has it: every figure, null where there is none, before the time."""
    content = asdict(status)
    figures, seconds = content.pop("figures"), content.pop("seconds")
    return {**content, **figures_of({}), **figures, "seconds": seconds}


def _cell(status: FitStatus, figure: Figure) -> str:
    """Return a figure as the report has it."""
    key = str(figure.key)
    value, limit = status.figures.get(key), status.figures.get(f"{key}_limit")
    if value is None:
        return ""
    return shown(FIGURES[figure][0], value, nan if limit is None else limit)


def _duration(status: FitStatus) -> str:
    if status.seconds is None:
        return "reused" if status.verdict else ""
    return f"{status.seconds:.1f} s"

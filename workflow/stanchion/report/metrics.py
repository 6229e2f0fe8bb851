"""What the report says in figures, as JSON that `dvc metrics diff` compares between versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from stanchion.plan.job import Job
from stanchion.plan.report_arguments import WriteReport
from stanchion.report.answers import Answer, read_answers
from stanchion.report.reading import read_comparison, read_judged, read_summary
from stanchion.stats.intervals import ERROR, ESTIMATE

_MOST_ROWS = 1000
_SHOWN = ("mean", "sd", ESTIMATE, ERROR)


def metrics(job: Job[WriteReport]) -> dict[str, Any]:
    """Return, by fit, its verdict, its checks' values and the declared parameters' numbers.

    These are mean and sd of draws, estimate and standard error of a point.
    """
    rows = zip(job.arguments.fits, job.paths("summaries"), job.paths("diagnostics"), strict=True)
    content: dict[str, Any] = {}
    for fit, summary, diagnostics in rows:
        judged = read_judged(diagnostics)
        of_fit: dict[str, Any] = {
            "verdict": judged.verdict,
            "checks": _finite({check.check: check.value for check in judged.checks}),
        }
        if fit.parameters is not None:
            of_fit["parameters"] = {
                name: _finite({column: row[column] for column in _SHOWN if column in row})
                for name, row in read_summary(summary, _MOST_ROWS).rows.items()
            }
        content[fit.path] = of_fit
    for answer in read_answers(job.path("answers")) if "answers" in job.inputs else ():
        for path, values in _values(answer):
            content.setdefault(path, {}).setdefault("answers", {})[answer.name] = values
    if "comparison" in job.inputs:
        content["comparison"] = {
            f"{row.dataset}/{row.model}/{row.method}": _finite(
                {n: row.numbers[n] for n in ("elpd", "weight")}
            )
            for row in read_comparison(job.path("comparison"))
        }
    return content


def _values(answer: Answer) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path of each fit that has a value, with value and error of each element."""
    for fit in answer.fits:
        if fit.has_value:
            path = "/".join(name for name in (fit.dataset, fit.model, fit.method) if name)
            yield (
                path,
                {
                    element.label or "value": _finite({"value": element.mean, "mcse": element.mcse})
                    for element in fit.elements
                },
            )


def _finite(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in numbers.items() if isfinite(value)}

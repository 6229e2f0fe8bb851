"""The state of each fit: is it current, what is its verdict, and the figures behind it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from math import nan
from pathlib import Path
from typing import Any
from unicodedata import combining

from stanchion.checks.catalogue import CHECKS, figures
from stanchion.checks.row import Figure
from stanchion.checks.verdicts import verdict_words
from stanchion.plan.catalogue import STEPS
from stanchion.plan.model import Fit, Plan, Step
from stanchion.provenance.keyfile import State, altered_outputs, read_line, state_of
from stanchion.report.wording import shown

_FIGURES = {figure: names for figure, names in figures().items() if figure.key is not None}
_KHAT = CHECKS["khat"].figure
"""The column in which a comparison says how many k̂ of LOO are bad."""


@dataclass(frozen=True)
class FitStatus:
    """One row of the table that a run ends with."""

    fit: str
    state: str
    """current, altered (not what its step wrote), missing, stale (made with another key).

    Of a fit that is not current, where it has jobs in a cluster: pending or running.
    """
    verdict: str | None = None
    weighting: str | None = None
    """resampled or unweighted, where the fit is an approximation."""
    figures: Mapping[str, float | None] = field(default_factory=dict)
    """By their name in the catalogue of checks, such as `rhat`; with those limits, `rhat_limit`,
    that decide how many digits are shown."""
    seconds: float | None = None
    """Longest time that one of the fit's chains took, in seconds; None where all were reused."""


@dataclass(frozen=True)
class ComparisonStatus:
    """The comparison of the models of one dataset: its state, its verdict, how many k̂ are bad."""

    comparison: str
    state: str
    verdict: str | None = None
    khat_bad: int | None = None


def comparison_statuses(plan: Plan, analyses: Iterable[str] = ()) -> list[ComparisonStatus]:
    """Return the status of each comparison of these analyses, or of all."""
    chosen = set(analyses) or set(plan.project.analyses)
    return [
        status
        for name, analysis in plan.project.analyses.items()
        if name in chosen and analysis.compare is not None
        for status in _comparisons(plan, name, analysis.datasets)
    ]


def _comparisons(plan: Plan, analysis: str, datasets: Sequence[str]) -> list[ComparisonStatus]:
    step = plan.step("compare_models", {"analysis": analysis})
    state = state_of(step)
    content = _proved(step, "judgement") if state is State.CURRENT else None
    if content is None:
        said = State.ALTERED if state is State.CURRENT else state
        return [ComparisonStatus(f"{analysis}/{dataset}", said) for dataset in datasets]
    return [
        ComparisonStatus(
            f"{analysis}/{judged['dataset']}",
            "current",
            judged["verdict"],
            next(c["value"] for c in judged["checks"] if c["check"] == "loo_khat"),
        )
        for judged in content["datasets"]
    ]


def fit_statuses(plan: Plan, analyses: Iterable[str] = ()) -> list[FitStatus]:
    """Return the status of each fit of these analyses, or of all."""
    chosen = set(analyses) or set(plan.project.analyses)
    return [fit_status(plan, fit) for fit in plan.fits if fit.analysis in chosen]


def fit_status(plan: Plan, fit: Fit) -> FitStatus:
    """Return a fit's status; figures only from results whose key is the plan's."""
    state = _state(plan, fit)
    content = (
        _proved(plan.of(fit, "diagnose_fit"), "diagnostics") if state is State.CURRENT else None
    )
    if content is None:
        return FitStatus(fit.name, State.ALTERED if state is State.CURRENT else state)
    return FitStatus(
        fit.name,
        "current",
        verdict=content["verdict"],
        weighting=content.get("weighting"),
        figures=_figures({check["check"]: check for check in content["checks"]}),
        seconds=_sampling_seconds(plan, fit),
    )


def _state(plan: Plan, fit: Fit) -> State:
    """Return the state of a fit's diagnosis, or that of a result of it that denies it."""
    states = {
        step.rule: state_of(step) for step in plan.steps_of(fit) if STEPS[step.rule].keep is None
    }
    if State.ALTERED in states.values():
        return State.ALTERED
    diagnosed = states["diagnose_fit"]
    stale = State.STALE in states.values()
    return State.STALE if diagnosed is State.CURRENT and stale else diagnosed


def altered_results(plan: Plan, analyses: Iterable[str] = ()) -> list[str]:
    """Return the results of these analyses, or of all, that are not what their step wrote."""
    chosen = set(analyses) or set(plan.project.analyses)
    return [
        path
        for step in plan
        if step.wildcards.get("analysis") in chosen
        for path in altered_outputs(step)
    ]


def _proved(step: Step, output: str) -> dict[str, Any] | None:
    """Return a step's result in JSON, or None where it is not what the key file names."""
    said = read_line(step.key_file)
    try:
        text = Path(step.outputs[output]).read_bytes()
    except OSError:
        return None
    if said is None or hashlib.sha256(text).hexdigest() != said.outputs[output].sha256:
        return None
    content: dict[str, Any] = json.loads(text)
    return content


def table(
    statuses: Sequence[FitStatus],
    altered: Sequence[str] = (),
    comparisons: Sequence[ComparisonStatus] = (),
) -> str:
    """Return the statuses as a plain text table, one row a fit, and name what was altered.

    Comparisons follow the fits.
    """
    shown = [figure.column or figure.heading for figure in _FIGURES]
    head = ["fit", "verdict", *shown, "time"]
    rows = [
        [
            status.fit,
            verdict_words(status.verdict, status.weighting) if status.verdict else status.state,
            *(_cell(status, figure) for figure in _FIGURES),
            _duration(status),
        ]
        for status in statuses
    ]
    rows += [
        [
            f"{one.comparison}: comparison",
            one.verdict or one.state,
            *(_bad(one) if figure == _KHAT else "" for figure in _FIGURES),
            "",
        ]
        for one in comparisons
    ]
    widths = [max(_width(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(_padded(cell, w, left=i < 2) for i, (cell, w) in pairs).rstrip()
        for pairs in (list(enumerate(zip(row, widths, strict=True))) for row in [head, *rows])
    ]
    lines += [f"altered: {path} is not what its step wrote" for path in altered]
    return "\n".join(lines)


def left_over(left: Mapping[str, Sequence[str]]) -> list[str]:
    """Return in words what lies among the results and is not declared, by analysis."""
    return [
        f"not declared: {path}; `stanchion clean {name}` removes it"
        for name, paths in left.items()
        for path in paths
    ]


def as_json(
    statuses: Sequence[FitStatus],
    altered: Sequence[str] = (),
    comparisons: Sequence[ComparisonStatus] = (),
    jobs: Sequence[object] | None = (),
    left: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """Return the statuses, the results that were altered or not declared, and jobs, as JSON.

    The jobs are null where the cluster does not answer.
    """
    content = {
        "schema": "stanchion/status/1",
        "fits": [_flat(status) for status in statuses],
        "comparisons": [asdict(one) for one in comparisons],
        "altered": list(altered),
        "jobs": None if jobs is None else [vars(job) for job in jobs],
        "not_declared": {name: list(paths) for name, paths in (left or {}).items()},
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


def _sampling_seconds(plan: Plan, fit: Fit) -> float | None:
    times = [
        seconds
        for step in plan.steps_of(fit)
        if STEPS[step.rule].per == "chain"
        for seconds in [_seconds(step)]
        if seconds is not None
    ]
    return max(times) if times else None


def _seconds(step: Step) -> float | None:
    for path in sorted(Path(step.records).glob(f"{step.key[:12]}-*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            record = json.loads(path.read_text())
            if record["state"] == "done":
                return float(record["seconds"])
    return None


def _figures(checks: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    """Return the worst value of the checks of each figure, and its limit where it is shown by it.

    `checks` are those of diagnostics.json, by name; a value that is missing is null there.
    """
    values: dict[str, float | None] = {}
    limits: dict[str, float | None] = {}
    for figure, names in _FIGURES.items():
        row, key = CHECKS[names[0]], str(figure.key)
        worst = min if row.worse == "smaller" else max
        known = [checks[n]["value"] for n in names if n in checks]
        values[key] = worst((v for v in known if v is not None), default=None)
        if isinstance(row.digits, int):
            limits[f"{key}_limit"] = checks.get(names[0], {}).get("threshold")
    return values | limits


def _flat(status: FitStatus) -> dict[str, Any]:
    """Return a status as JSON has it: every figure, null where there is none, before the time."""
    content = asdict(status)
    known, seconds = content.pop("figures"), content.pop("seconds")
    return {**content, **_figures({}), **known, "seconds": seconds}


def _cell(status: FitStatus, figure: Figure) -> str:
    """Return a figure as the report has it."""
    key = str(figure.key)
    value, limit = status.figures.get(key), status.figures.get(f"{key}_limit")
    if value is None:
        return ""
    return shown(_FIGURES[figure][0], value, nan if limit is None else limit)


def _duration(status: FitStatus) -> str:
    if status.seconds is None:
        return "reused" if status.verdict else ""
    return f"{status.seconds:.1f} s"

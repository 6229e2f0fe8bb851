"""The state of each fit: is it current, what is its verdict, and the figures behind it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import nan
from operator import itemgetter
from pathlib import Path
from typing import Any

from stanchion.checks.catalogue import CHECKS, figures
from stanchion.checks.verdicts import GRAVEST_FIRST, PASS, extreme_of
from stanchion.plan.catalogue import STEPS
from stanchion.plan.model import Fit, Plan, Step
from stanchion.provenance.keyfile import State, altered_outputs, read_line, state_of
from stanchion.report.reading import Scalar
from stanchion.report.wording import outcome
from stanchion.system.hashes import content_hash

_SAMPLING = ("sample_chain", "sample_fit")
_LONGEST = 60
"""Characters of where a check is worst."""
_FAULTS = tuple(verdict for verdict in GRAVEST_FIRST if verdict != PASS)
FIGURES = {figure: names for figure, names in figures().items() if figure.key is not None}
"""The checks of each figure that a status has."""


@dataclass(frozen=True)
class FitStatus:
    """One row of the table that a run ends with."""

    fit: str
    state: str
    """current, altered (not what its step wrote), missing, stale (made with another key).

    Of a fit that is not current: pending where it waits in a cluster, running while it samples.
    """
    verdict: str | None = None
    weighting: str | None = None
    """resampled or unweighted, where the fit is an approximation."""
    figures: Mapping[str, float | None] = field(default_factory=dict)
    """By their name in the catalogue of checks, such as `rhat`; with those limits, `rhat_limit`,
    that decide how many digits are shown."""
    seconds: float | None = None
    """Longest time that one of the fit's chains took, in seconds, or its draws where it has no
    chains; None where all were reused, or cut from longer ones."""
    ess_per_second: float | None = None
    """Least effective sample size over the seconds that its chains took together, warm-up and
    start included; None where one of them was not sampled in one go by this project."""
    why: tuple[str, ...] = ()
    """What did not pass, the gravest first, with its figure; or why there is no result."""


@dataclass(frozen=True)
class ComparisonStatus:
    """The comparison of the models of one dataset: its state, its verdict, how many k̂ are bad."""

    comparison: str
    state: str
    verdict: str | None = None
    khat_bad: int | None = None
    why: tuple[str, ...] = ()
    """As that of a fit."""


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
    content = proved(step, "judgement") if state is State.CURRENT else None
    if content is None:
        shown = State.ALTERED if state is State.CURRENT else state
        return [ComparisonStatus(f"{analysis}/{dataset}", shown) for dataset in datasets]
    return [
        ComparisonStatus(
            f"{analysis}/{judged['dataset']}",
            "current",
            judged["verdict"],
            next(c["value"] for c in judged["checks"] if c["check"] == "loo_khat"),
            faults_of(judged),
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
        proved(plan.of(fit, "diagnose_fit"), "diagnostics") if state is State.CURRENT else None
    )
    if content is None:
        return FitStatus(fit.name, State.ALTERED if state is State.CURRENT else state)
    figures = figures_of({check["check"]: check for check in content["checks"]})
    sampled = _works(plan, fit)
    return FitStatus(
        fit.name,
        "current",
        verdict=content["verdict"],
        weighting=content.get("weighting"),
        figures=figures,
        seconds=_sampling_seconds(plan, fit, sampled),
        ess_per_second=_rate(figures["ess"], sampled),
        why=faults_of(content),
    )


def faults_of(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the checks that did not pass, the gravest first: value, limit, and where it is worst.

    `content` is that of diagnostics.json, or of a dataset in comparison.json.
    """
    labels = content.get("labels") or {}
    faults = [check for check in content["checks"] if check.get("verdict") in _FAULTS]
    faults.sort(key=lambda check: _FAULTS.index(check["verdict"]))
    return tuple(_fault(check, labels) for check in faults)


def _fault(check: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    name, value, threshold = check["check"], check["value"], check.get("threshold")
    worst = [_cut(Scalar.of(text, labels).label) for text in check.get("where") or ()][:1]
    return outcome(
        name,
        nan if value is None else value,
        nan if threshold is None else threshold,
        "".join(worst),
        check.get("note") or "",
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


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


def proved(step: Step, output: str) -> dict[str, Any] | None:
    """Return a step's result in JSON, or None where it is not what the key file names."""
    line = read_line(step.key_file)
    try:
        text = Path(step.outputs[output]).read_bytes()
    except OSError:
        return None
    if line is None or content_hash(text) != line.outputs[output].sha256:
        return None
    content: dict[str, Any] = json.loads(text)
    return content


@dataclass(frozen=True)
class _Work:
    """The work that a step did, by its record."""

    seconds: float
    is_whole: bool
    """Whether it has neither resumed nor extended anything."""


def _works(plan: Plan, fit: Fit) -> list[_Work | None]:
    """Return the work of each of a fit's sampling steps; None of one that has sampled nothing."""
    return [_work(step) for step in plan.steps_of(fit) if step.rule in _SAMPLING]


def _sampling_seconds(plan: Plan, fit: Fit, sampled: Sequence[_Work | None]) -> float | None:
    works = sampled or [_work(plan.of(fit, "collect_draws"))]
    return max((work.seconds for work in works if work is not None), default=None)


def _rate(ess: float | None, sampled: Sequence[_Work | None]) -> float | None:
    """Return effective draws a second of all that its chains ran, in any order or side by side."""
    times = [work.seconds for work in sampled if work is not None and work.is_whole]
    return ess / sum(times) if ess and sum(times) and len(times) == len(sampled) else None


def _work(step: Step) -> _Work | None:
    """Return the work of a step; None where it was reused, cut from another, or is not done."""
    for path in sorted(Path(step.records).glob(f"{step.key[:12]}-*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            record = json.loads(path.read_text())
            if record["state"] == "done":
                notes = record.get("notes") or {}
                runs = [notes, *notes.get("runs", ())]
                is_partial = record.get("attempt", 1) > 1 or any("resumed" in run for run in runs)
                is_cut = any("cut_from" in run for run in runs)
                return None if is_cut else _Work(float(record["seconds"]), not is_partial)
    return None


def figures_of(checks: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    """Return the worst value of the checks of each figure, and its limit where it is shown by it.

    `checks` are those of diagnostics.json, by name; a value that is missing is null there.
    """
    values: dict[str, float | None] = {}
    limits: dict[str, float | None] = {}
    for figure, names in FIGURES.items():
        row, key = CHECKS[names[0]], str(figure.key)
        worst = min if row.worse == "smaller" else max
        value_of = extreme_of if row.worse == "smaller" else itemgetter("value")
        candidates = [value_of(checks[n]) for n in names if n in checks]
        values[key] = worst((v for v in candidates if v is not None), default=None)
        if isinstance(row.digits, int):
            limits[f"{key}_limit"] = checks.get(names[0], {}).get("threshold")
    return values | limits

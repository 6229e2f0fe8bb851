"""The state of each fit: is it current, what is its verdict, and the figures behind it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import nan
from pathlib import Path
from typing import Any

from stanchion.plan import Fit, Plan, Step, identity
from stanchion.provenance.keyfile import State, read_line, state_of
from stanchion.report.wording import shown

_SHOWN = ("collect_draws", "diagnose_fit", "predict_outcomes")
"""The steps whose results are a fit's."""
_SAMPLING = ("sample_chain", "approximate_posterior")


@dataclass(frozen=True)
class FitStatus:
    """One row of the table that a run ends with."""

    fit: str
    state: str
    """current, altered (not what its step wrote), missing, stale (made with another key)."""
    verdict: str | None = None
    rhat: float | None = None
    ess: float | None = None
    divergences: int | None = None
    khat: float | None = None
    rhat_limit: float | None = None
    khat_limit: float | None = None
    seconds: float | None = None
    """Longest time that one of the fit's chains took, in seconds; None where all were reused."""


def fit_statuses(plan: Plan, analyses: Iterable[str] = ()) -> list[FitStatus]:
    """Return the status of each fit of these analyses, or of all."""
    chosen = set(analyses) or set(plan.project.analyses)
    return [fit_status(plan, fit) for fit in plan.fits if fit.analysis in chosen]


def fit_status(plan: Plan, fit: Fit) -> FitStatus:
    """Return a fit's status; figures only from results whose key is the plan's."""
    state = _state(plan, fit)
    content = _proved(plan.of(fit, "diagnose_fit")) if state is State.CURRENT else None
    if content is None:
        return FitStatus(fit.name, State.ALTERED if state is State.CURRENT else state)
    values = {check["check"]: check["value"] for check in content["checks"]}
    limits = {check["check"]: check.get("threshold") for check in content["checks"]}
    ess = [v for v in (values.get("ess_bulk"), values.get("ess_tail")) if v is not None]
    return FitStatus(
        fit.name,
        "current",
        verdict=content["verdict"],
        rhat=values.get("rhat"),
        ess=min(ess) if ess else None,
        divergences=values.get("divergences"),
        khat=values.get("khat"),
        rhat_limit=limits.get("rhat"),
        khat_limit=limits.get("khat"),
        seconds=_sampling_seconds(plan, fit),
    )


def _state(plan: Plan, fit: Fit) -> State:
    """Return the state of a fit's diagnosis, or that of a result of it that denies it."""
    names = [identity(rule, fit.wildcards) for rule in _SHOWN]
    states = {state_of(plan.steps[name]) for name in names if name in plan.steps}
    if State.ALTERED in states:
        return State.ALTERED
    diagnosed = state_of(plan.of(fit, "diagnose_fit"))
    return State.STALE if diagnosed is State.CURRENT and State.STALE in states else diagnosed


def is_current(step: Step) -> bool:
    """Tell whether a step's outputs are what it wrote with the plan's key; changes no result."""
    return state_of(step) is State.CURRENT


def altered_results(plan: Plan, analyses: Iterable[str] = ()) -> list[str]:
    """Return the results of these analyses, or of all, that are not what their step wrote."""
    chosen = set(analyses) or set(plan.project.analyses)
    return [
        path
        for step in plan
        if step.wildcards.get("analysis") in chosen and state_of(step) is State.ALTERED
        for path in step.outputs.values()
    ]


def _proved(diagnosed: Step) -> dict[str, Any] | None:
    """Return a fit's diagnostics, or None where they are not what the key file names."""
    said = read_line(diagnosed.key_file)
    try:
        text = Path(diagnosed.outputs["diagnostics"]).read_bytes()
    except OSError:
        return None
    if said is None or hashlib.sha256(text).hexdigest() != said.outputs["diagnostics"].sha256:
        return None
    content: dict[str, Any] = json.loads(text)
    return content


def table(statuses: Sequence[FitStatus], altered: Sequence[str] = ()) -> str:
    """Return the statuses as a plain text table, one row a fit, and name what was altered."""
    head = ["fit", "verdict", "worst R-hat", "least ESS", "divergences", "k-hat", "time"]
    rows = [
        [
            status.fit,
            status.verdict or status.state,
            _figure("rhat", status.rhat, status.rhat_limit),
            _figure("ess_bulk", status.ess),
            _figure("divergences", status.divergences),
            _figure("khat", status.khat, status.khat_limit),
            _duration(status),
        ]
        for status in statuses
    ]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in pairs).rstrip()
        for pairs in (list(enumerate(zip(row, widths, strict=True))) for row in [head, *rows])
    ]
    lines += [f"altered: {path} is not what its step wrote" for path in altered]
    return "\n".join(lines)


def as_json(statuses: Sequence[FitStatus], altered: Sequence[str] = ()) -> str:
    """Return the statuses, and the results that were altered, as JSON."""
    fits = [asdict(status) for status in statuses]
    content = {"schema": "stanchion/status/1", "fits": fits, "altered": list(altered)}
    return json.dumps(content, indent=1)


def _sampling_seconds(plan: Plan, fit: Fit) -> float | None:
    times = [
        seconds
        for step in plan
        if step.rule in _SAMPLING and fit.wildcards.items() <= step.wildcards.items()
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


def _figure(check: str, value: float | None, limit: float | None = None) -> str:
    """Return a check's value as the report has it."""
    return "" if value is None else shown(check, value, nan if limit is None else limit)


def _duration(status: FitStatus) -> str:
    if status.seconds is None:
        return "reused" if status.verdict else ""
    return f"{status.seconds:.1f} s"

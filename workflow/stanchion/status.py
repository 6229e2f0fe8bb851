"""The state of each fit: is it current, what is its verdict, and the figures behind it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stanchion.plan import Fit, Plan, Step
from stanchion.provenance import keyfile

_SAMPLING = ("sample_chain", "approximate_posterior")


@dataclass(frozen=True)
class FitStatus:
    """One row of the table that a run ends with."""

    fit: str
    state: str
    """current, stale (made with another key), missing."""
    verdict: str | None = None
    rhat: float | None = None
    ess: float | None = None
    divergences: int | None = None
    khat: float | None = None
    seconds: float | None = None
    """Longest time that one of the fit's chains took, in seconds; None where all were reused."""


def fit_statuses(plan: Plan, analyses: Iterable[str] = ()) -> list[FitStatus]:
    """Return the status of each fit of these analyses, or of all."""
    chosen = set(analyses) or set(plan.project.analyses)
    return [fit_status(plan, fit) for fit in plan.fits if fit.analysis in chosen]


def fit_status(plan: Plan, fit: Fit) -> FitStatus:
    """Return a fit's status; figures only from results whose key is the plan's."""
    diagnosed = plan.of(fit, "diagnose_fit")
    path = Path(diagnosed.outputs["diagnostics"])
    if not path.exists():
        return FitStatus(fit.name, "missing")
    if not is_current(diagnosed):
        return FitStatus(fit.name, "stale")
    content = json.loads(path.read_text())
    values = {check["check"]: check["value"] for check in content["checks"]}
    ess = [v for v in (values.get("ess_bulk"), values.get("ess_tail")) if v is not None]
    return FitStatus(
        fit.name,
        "current",
        verdict=content["verdict"],
        rhat=values.get("rhat"),
        ess=min(ess) if ess else None,
        divergences=values.get("divergences"),
        khat=values.get("khat"),
        seconds=_sampling_seconds(plan, fit),
    )


def is_current(step: Step) -> bool:
    """Tell whether a step's outputs stand there with the plan's key; changes nothing."""
    sizes = keyfile.sizes_of(step.outputs)
    try:
        return sizes is not None and Path(step.key_file).read_text() == keyfile.line(
            step.key, sizes
        )
    except OSError:
        return False


def table(statuses: Sequence[FitStatus]) -> str:
    """Return the statuses as a plain text table, one row a fit."""
    head = ["fit", "verdict", "worst R-hat", "least ESS", "divergences", "k-hat", "time"]
    rows = [
        [
            status.fit,
            status.verdict or status.state,
            _shown(status.rhat, "{:.3f}"),
            _shown(status.ess, "{:.0f}"),
            _shown(status.divergences, "{:.0f}"),
            _shown(status.khat, "{:.2f}"),
            "reused"
            if status.verdict and status.seconds is None
            else _shown(status.seconds, "{:.1f} s"),
        ]
        for status in statuses
    ]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in pairs).rstrip()
        for pairs in (list(enumerate(zip(row, widths, strict=True))) for row in [head, *rows])
    )


def as_json(statuses: Sequence[FitStatus]) -> str:
    """Return the statuses as JSON."""
    content = {"schema": "stanchion/status/1", "fits": [asdict(status) for status in statuses]}
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
        record: dict[str, Any] = json.loads(path.read_text())
        if record["state"] == "done":
            return float(record["seconds"])
    return None


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)

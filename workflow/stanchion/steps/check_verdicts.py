"""The last step of an analysis: fails where a fit failed checks that are declared to stop."""

from __future__ import annotations

import json
from typing import Any

from stanchion.errors import Fault, GateError
from stanchion.report.reading import Judged, read_judged
from stanchion.report.wording import check_view
from stanchion.steps.job import Job

_SHOWN = 5


def run(job: Job) -> None:
    """Write the verdict of each fit.

    Raises:
        GateError: a fit with `on_fail: stop` failed; says which check, where, and what to try.
    """
    fits: list[dict[str, Any]] = job.arguments["fits"]
    rows, faults = [], []
    for fit, path in zip(fits, job.paths("diagnostics"), strict=True):
        diagnostics = json.loads(path.read_text())
        name = f"{job.arguments['analysis']}/{fit['dataset']}/{fit['model']}/{fit['method']}"
        rows.append({"fit": name, "verdict": diagnostics["verdict"], "on_fail": fit["on_fail"]})
        if diagnostics["verdict"] == "fail" and fit["on_fail"] == "stop":
            faults.append(_fault(name, read_judged(path), job.arguments["report"]))
    if faults:
        raise GateError(faults)
    content = {"schema": "stanchion/verdicts/1", "fits": rows}
    job.outputs["verdicts"].write_text(json.dumps(content, indent=1) + "\n")


def _fault(name: str, judged: Judged, report: str) -> Fault:
    failed = [check for check in judged.checks if check.verdict == "fail"]
    said = "; ".join(
        check_view(check, {}).sentence
        + (f" at {', '.join(check.where[:_SHOWN])}" if check.where else "")
        + (f" (the sampler, {check.messages[0]})" if check.messages else "")
        for check in failed
    )
    waiver = f"{{fit: {name}, check: {failed[0].check}, reason: …, who: …, until: YYYY-MM-DD}}"
    return Fault(
        f"{name} failed its checks: {said}",
        todo=f"see {report} for what to try; a failure that a person accepts is waived until a day "
        f"by an entry of waivers.yaml, beside the declaration:\n            - {waiver}",
    )

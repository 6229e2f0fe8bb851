"""The last step of an analysis: fails where what is declared to stop failed its checks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stanchion.checks.verdicts import FAIL, OnFail, stops
from stanchion.errors import Fault, GateError
from stanchion.plan.arguments import CheckVerdicts
from stanchion.plan.job import Job
from stanchion.report.reading import Check, Judged, Judgement, read_judged, read_judgements
from stanchion.report.wording import check_view, outcome

_SHOWN = 5


@dataclass(frozen=True)
class _Unanswered:
    """An answer without a value: its name, the fit, and why."""

    name: str
    fit: str
    because: str


def run(job: Job[CheckVerdicts]) -> None:
    """Write the verdict of each fit, of each comparison and of each prior, and what has no answer.

    Comparisons, priors and answers stop where one of the analysis' fits does, effects without
    numbers where their fit does, a declared picture that could not be drawn always.

    Raises:
        GateError: one of them failed that is to stop; says which check, where, and what to try.
    """
    arguments = job.arguments
    fits, fit_faults = _fits(job)
    compared, priors = _compared(job), _priors(job)
    answers = [answer for path in job.paths("answers") for answer in _failed_answers(path)]
    stopping = answers if _on_fail(job) == "stop" else []
    faults = [
        *fit_faults,
        *_of_comparisons(compared, arguments.report),
        *_of_priors(priors),
        *(_unanswered(answer, arguments) for answer in stopping),
        *_effects_without_numbers(job),
        *_undrawn(job),
    ]
    if faults:
        raise GateError(faults)
    content = {
        "schema": "stanchion/verdicts/1",
        "fits": fits,
        "comparisons": [
            {"comparison": name, "verdict": judgement.judged.verdict, "on_fail": on_fail}
            for name, judgement, on_fail in compared
        ],
        "answers": [
            {"answer": answer.name, "fit": answer.fit, "because": answer.because}
            for answer in answers
        ],
        "priors": [
            {"prior": name, "verdict": judged.verdict, "on_fail": on_fail}
            for name, judged, on_fail in priors
        ],
    }
    job.outputs["verdicts"].write_text(json.dumps(content, indent=1) + "\n")


def _fits(job: Job[CheckVerdicts]) -> tuple[list[dict[str, str]], list[Fault]]:
    """Return each fit's verdict, and a fault for each that stops."""
    rows, faults = [], []
    for fit, path in zip(job.arguments.fits, job.paths("diagnostics"), strict=True):
        verdict = json.loads(path.read_text())["verdict"]
        name = f"{job.arguments.analysis}/{fit.dataset}/{fit.model}/{fit.method}"
        rows.append({"fit": name, "verdict": verdict, "on_fail": fit.on_fail})
        if stops(verdict, fit.on_fail):
            faults.append(_fault(name, read_judged(path), job.arguments.report))
    return rows, faults


def _of_comparisons(
    compared: Sequence[tuple[str, Judgement, OnFail]], report: str
) -> Iterator[Fault]:
    for name, judgement, on_fail in compared:
        if stops(judgement.judged.verdict, on_fail):
            yield Fault(
                f"the comparison of {name} failed: {_failures(judgement.judged)}",
                todo=f"see {report} for what to try",
            )


def _of_priors(priors: Sequence[tuple[str, Judged, OnFail]]) -> Iterator[Fault]:
    for name, judged, on_fail in priors:
        if stops(judged.verdict, on_fail):
            yield Fault(
                f"the prior of {name} failed its checks: {_failures(judged)}",
                todo=check_view(_failed(judged)[0], {}).advice,
            )


def _failed_answers(path: Path) -> list[_Unanswered]:
    """Return the answers without a value that a fit should have given, though it did not fail."""
    failed = [
        _Unanswered(answer["answer"], _path_of(fit), fit["because"])
        for answer in json.loads(path.read_text())["answers"]
        for fit in answer["fits"]
        if fit["verdict"] == FAIL and fit["because"] is not None and not fit["fit_failed"]
    ]
    return failed


def _path_of(fit: Mapping[str, str]) -> str:
    return "/".join(fit[name] for name in ("dataset", "model", "method") if fit[name])


def _unanswered(answer: _Unanswered, arguments: CheckVerdicts) -> Fault:
    return Fault(
        f"{arguments.analysis}/{answer.fit} gives no answer to {answer.name!r}: {answer.because}",
        todo=f"correct the expression, or what it is of; see {arguments.report}",
    )


def _effects_without_numbers(job: Job[CheckVerdicts]) -> Iterator[Fault]:
    """Yield a fault for each fit that stops whose effects have no numbers at some points."""
    files = job.paths("effects") if "effects" in job.inputs else ()
    for fit, path in zip(job.arguments.fits if files else (), files, strict=True):
        content = json.loads(path.read_text())
        if fit.on_fail == "stop" and content["made"] and content["because"] is not None:
            name = f"{job.arguments.analysis}/{fit.dataset}/{fit.model}/{fit.method}"
            yield Fault(
                f"conditional effects of {name} lack numbers: {content['because']}",
                key=f"analyses.{job.arguments.analysis}.effects",
                todo="give the quantity a value at each point, or leave those out where it has "
                f"none; see {job.arguments.report}",
            )


def _undrawn(job: Job[CheckVerdicts]) -> Iterator[Fault]:
    """Yield a fault for each declared picture that could not be drawn."""
    fits = job.arguments.plots
    files = job.paths("plots") if fits else []
    for fit, path in zip(fits, files, strict=True):
        if (because := json.loads(path.read_text())["because"]) is not None:
            yield Fault(
                f"a declared picture of {fit} was not made: {because}",
                key=f"analyses.{job.arguments.analysis}.plots",
                todo="correct its arguments, or remove it; try it on the fit's draws.nc",
            )


def _compared(job: Job[CheckVerdicts]) -> list[tuple[str, Judgement, OnFail]]:
    """Return each comparison's name and judgement, and whether its failure stops."""
    return [
        (f"{job.arguments.analysis}/{judgement.dataset}", judgement, _on_fail(job))
        for path in job.paths("comparison")
        for judgement in read_judgements(path)
    ]


def _priors(job: Job[CheckVerdicts]) -> list[tuple[str, Judged, OnFail]]:
    """Return each prior's name and verdict, and whether its failure stops."""
    files = zip(job.arguments.priors, job.paths("priors"), strict=True)
    return [
        (f"{job.arguments.analysis}/{name}", read_judged(path), _on_fail(job))
        for name, path in files
    ]


def _on_fail(job: Job[CheckVerdicts]) -> OnFail:
    stops = any(fit.on_fail == "stop" for fit in job.arguments.fits)
    return "stop" if stops else "flag"


def _fault(name: str, judged: Judged, report: str) -> Fault:
    failed = _failed(judged)[0].check
    waiver = f"{{fit: {name}, check: {failed}, reason: …, who: …, until: YYYY-MM-DD}}"
    return Fault(
        f"{name} failed its checks: {_failures(judged)}",
        todo=f"see {report} for what to try; a failure that a person accepts is waived until a day "
        f"by an entry of waivers.yaml, beside the declaration:\n            - {waiver}",
    )


def _failures(judged: Judged) -> str:
    """Say which checks failed, where, and what the sampler said of it."""
    return "; ".join(
        outcome(
            check.check,
            check.value,
            check.threshold,
            ", ".join(scalar.label for scalar in check.where[:_SHOWN]),
            check.note,
        )
        + (f" (the sampler, {check.messages[0]})" if check.messages else "")
        for check in _failed(judged)
    )


def _failed(judged: Judged) -> list[Check]:
    return [check for check in judged.checks if check.verdict == FAIL]

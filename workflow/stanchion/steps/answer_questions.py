"""draws.nc of an analysis' fits → answers.csv and answers.json: what was asked by name."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite, nan
from pathlib import Path
from typing import Any

from stanchion.answers.compute import answer_of
from stanchion.answers.declared import STACKED, DeclaredAnswer
from stanchion.answers.drawn import open_variables
from stanchion.answers.evaluate import Unanswerable, read_sample
from stanchion.answers.results import FitAnswer
from stanchion.answers.sample import Mixture, Sample
from stanchion.checks.reasons import failed_because
from stanchion.checks.verdicts import FAIL, extreme_of, gravest
from stanchion.draws.naming import Roles
from stanchion.plan.arguments import AnswerQuestions, FitArguments, ProgramVariables
from stanchion.plan.job import Job
from stanchion.report.reading import read_comparison, read_judgements
from stanchion.system.strict_json import write_json

COLUMNS = (
    "dataset",
    "model",
    "method",
    "answer",
    "label",
    "value",
    "lower",
    "upper",
    "mcse",
    "unit",
    "verdict",
)
_ESS = ("ess_bulk", "ess_tail")


@dataclass
class _Answers:
    """What the fits say to one question, and the samples that an average over models needs."""

    declared: DeclaredAnswer
    fits: list[FitAnswer] = field(default_factory=list)
    samples: dict[tuple[str, str, str], tuple[Sample, tuple[str, ...]]] = field(
        default_factory=dict
    )

    def fail_where_nobody_answers(self) -> None:
        """Fail a question that no fit could have answered: that was asked of nothing."""
        if not any(fit.answer.rows or fit.verdict == FAIL for fit in self.fits):
            self.fits = [replace(fit, verdict=FAIL) for fit in self.fits]


def run(job: Job[AnswerQuestions]) -> None:
    """Answer each question by each fit that has the variables it is of, and by all models together.

    It always succeeds: what has no value says why, and `check_verdicts` fails where a fit should
    have given one.
    """
    arguments = job.arguments
    intervals = vars(arguments.intervals) if arguments.intervals else None
    answers = [_Answers(declared) for declared in arguments.answers]
    entries = zip(
        arguments.fits,
        arguments.variables,
        job.paths("draws"),
        job.paths("diagnostics"),
        strict=True,
    )
    for fit, variables, draws, diagnostics in entries:
        _answer_by(fit, variables, draws, json.loads(diagnostics.read_text()), answers, intervals)
    for one in answers:
        one.fail_where_nobody_answers()
    if any(one.declared.stacked for one in answers):
        _stack(job, answers, intervals)
    _write(answers, intervals, job)


def _answer_by(
    fit: FitArguments,
    variables: ProgramVariables,
    draws: Path,
    diagnostics: Mapping[str, Any],
    answers: Sequence[_Answers],
    intervals: Mapping[str, Any] | None,
) -> None:
    """Add what one fit says to each question; its variables are read one after the other."""
    names = (fit.dataset, fit.model, fit.method)
    verdict = diagnostics["verdict"]
    if verdict == FAIL:
        because = failed_because(diagnostics)
        for one in answers:
            one.fits.append(FitAnswer(*names, verdict, because, fit_failed=True))
        return
    roles = Roles(variables.observed, variables.replicated, variables.predicted)
    ess = _least_ess(diagnostics)
    used = {name for one in answers for name in one.declared.names()}
    with open_variables(draws, variables.declared, roles, used) as scope:
        for one in answers:
            try:
                sample, labels = read_sample(
                    one.declared, scope, draws, variables.declared, roles, ess
                )
                answer = answer_of(one.declared, sample, labels, intervals)
            except Unanswerable as error:
                grave = FAIL if error.is_failure else verdict
                one.fits.append(FitAnswer(*names, grave, str(error)))
                continue
            one.fits.append(FitAnswer(*names, verdict, answer=answer))
            if one.declared.stacked:
                one.samples[names] = sample, labels


def _least_ess(diagnostics: Mapping[str, Any]) -> float:
    values = [extreme_of(check) for check in diagnostics["checks"] if check["check"] in _ESS]
    return min((float(value) for value in values if value is not None), default=float("inf"))


def _stack(
    job: Job[AnswerQuestions], answers: Sequence[_Answers], intervals: Mapping[str, Any] | None
) -> None:
    """Add, for each dataset, what the models say together, weighted as they were stacked."""
    rows = read_comparison(job.path("comparison"))
    for judgement in read_judgements(job.path("judgement")):
        weights = {
            (row.dataset, row.model, row.method): row.numbers["weight"]
            for row in rows
            if row.dataset == judgement.dataset and row.numbers["weight"] > 0
        }
        for one in answers:
            if one.declared.stacked:
                verdict = judgement.judged.verdict
                one.fits.append(_stacked(one, judgement.dataset, weights, verdict, intervals))


def _stacked(
    one: _Answers,
    dataset: str,
    weights: Mapping[tuple[str, str, str], float],
    verdict: str,
    intervals: Mapping[str, Any] | None,
) -> FitAnswer:
    names = (dataset, STACKED, "")
    if verdict == FAIL or not weights:
        because = "the comparison of the models gives no weights"
        return FitAnswer(*names, FAIL, because, fit_failed=True)
    if missing := [name for name in weights if name not in one.samples]:
        return FitAnswer(*names, FAIL, f"{'/'.join(missing[0])} has no value", fit_failed=True)
    if len({one.samples[name][1] for name in weights}) > 1:
        return FitAnswer(*names, FAIL, "the models predict other rows")
    total = sum(weights.values())
    parts = [(weight / total, one.samples[name][0]) for name, weight in weights.items()]
    verdicts = [fit.verdict for fit in one.fits if (fit.dataset, fit.model, fit.method) in weights]
    labels = one.samples[next(iter(weights))][1]
    try:
        answer = answer_of(one.declared, Mixture(parts), labels, intervals)
    except Unanswerable as error:
        return FitAnswer(*names, FAIL, str(error))
    return FitAnswer(*names, gravest([verdict, *verdicts]), answer=answer)


def _write(
    answers: Sequence[_Answers], intervals: Mapping[str, Any] | None, job: Job[AnswerQuestions]
) -> None:
    with job.outputs["answers"].open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for one in answers:
            writer.writerows(_table(one))
    content = {
        "schema": "stanchion/answers/1",
        "interval": intervals or {"prob": 0.9, "kind": "equal_tailed"},
        "answers": [
            {
                "answer": one.declared.answer,
                "kind": one.declared.kind,
                "unit": one.declared.unit,
                "stacked": one.declared.stacked,
                "expressions": dict(one.declared.expressions),
                "rope": one.declared.rope,
                "fits": [fit.as_json() for fit in one.fits],
            }
            for one in answers
        ],
    }
    write_json(content, job.outputs["details"])


def _table(one: _Answers) -> Iterator[tuple[str, ...]]:
    """Yield a row an element; those of no effect and of losses stand below it.

    A fit whose program has not what is asked for has no row.
    """
    declared = one.declared
    for fit in one.fits:
        head = (fit.dataset, fit.model, fit.method, declared.answer)
        unit = declared.unit or ""
        if fit.because is not None and fit.verdict == FAIL:
            yield (*head, "", "", "", "", "", unit, fit.verdict)
        for row in fit.answer.rows:
            numbers = map(_shown, (row.value, row.lower, row.upper, row.mcse))
            of_number = "" if declared.kind in ("probability", "argmax", "score") else unit
            yield (*head, row.label, *numbers, of_number, fit.verdict)
            if isfinite(row.loss):
                numbers = map(_shown, (row.loss, nan, nan, row.loss_mcse))
                yield (*head, f"{row.label}: expected loss", *numbers, unit, fit.verdict)
        for rope in fit.answer.ropes:
            low, high = declared.rope or (nan, nan)
            within = f"within [{low:g}, {high:g}]"
            label = f"{rope.label}: {within}" if rope.label else within
            numbers = map(_shown, (rope.within, nan, nan, rope.mcse))
            yield (*head, label, *numbers, "", fit.verdict)


def _shown(value: float) -> str:
    return repr(value) if isfinite(value) else ""

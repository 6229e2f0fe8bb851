"""What a run ends with: the table, why fits failed, the answers, and the next thing to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from stanchion.errors import DeclarationError, GateError
from stanchion.plan.model import Plan, Step
from stanchion.provenance.keyfile import State, state_of
from stanchion.runs.answer_lines import answer_lines
from stanchion.runs.status import (
    ComparisonStatus,
    FitStatus,
    altered_results,
    comparison_statuses,
    fit_statuses,
    proved,
)
from stanchion.runs.status_table import results_as_json, table
from stanchion.runs.styles import columns_of, folded, styled

SCHEMA = "stanchion/run_result/1"
FAILED = "failed"
_LONGEST_CAUSE = 160
_LAST_WORDS = ("; its last words", "; the compiler's last words")
"""How a first line leads to those below it, which stand in the log."""


@dataclass(frozen=True)
class RunResult:
    """What a run of some analyses has come to."""

    exit_code: int
    fits: tuple[FitStatus, ...]
    comparisons: tuple[ComparisonStatus, ...]
    altered: tuple[str, ...]
    failures: tuple[Mapping[str, Any], ...]
    """The notes of failed steps."""
    answers: Mapping[str, Mapping[str, Any]]
    """The content of answers.json, by analysis."""
    reports: Mapping[str, str]
    """The path of each report that is there, by analysis."""
    steps: int
    """How many Snakemake had to run."""


def run_result(
    plan: Plan,
    chosen: Sequence[str],
    failed: Sequence[Mapping[str, Any]],
    exit_code: int,
    steps: int = 0,
) -> RunResult:
    """Return what a run of these analyses has come to, from their files and notes."""
    causes = {str(failure["key"]): _cause(failure) for failure in failed}
    compared = [
        _blamed(status, [plan.step("compare_models", {"analysis": _analysis(status)})], causes)
        for status in comparison_statuses(plan, chosen)
    ]
    fits = [fit for fit in plan.fits if fit.analysis in chosen]
    reports = {name: f"results/{name}/report.html" for name in chosen}
    return RunResult(
        exit_code,
        tuple(
            _blamed(status, plan.steps_of(fit), causes)
            for fit, status in zip(fits, fit_statuses(plan, chosen), strict=True)
        ),
        tuple(compared),
        tuple(altered_results(plan, chosen)),
        tuple(failed),
        dict(_answers(plan, chosen)),
        {name: path for name, path in reports.items() if Path(path).exists()},
        steps,
    )


def exit_code_of(failed: Sequence[Mapping[str, Any]]) -> int:
    """Return the exit code of a run with these notes of failed steps, 0 without one."""
    codes = {failure["exit_code"] for failure in failed}
    if not codes:
        return 0
    if codes == {GateError.exit_code}:
        return GateError.exit_code
    known = {DeclarationError.exit_code, GateError.exit_code}
    return DeclarationError.exit_code if codes <= known else 1


def as_text(result: RunResult, stream: TextIO | None = None) -> str:
    """Return a result for a stream, else standard output, in its width and colours."""
    stream = stream or sys.stdout
    style: Callable[[str, str], str] = partial(styled, stream=stream)
    width = columns_of(stream)
    following = next_step(result)
    nothing = result.steps == 0 and result.exit_code == 0
    reports = [path for path in result.reports.values() if path not in following]
    parts = [
        "nothing had to run: every result is current" if nothing else "",
        table(result.fits, result.altered, result.comparisons, width=width, style=style),
        *(folded(text, width) for text in _answer_texts(result.answers)),
        "\n".join(f"report: {path}" for path in reports),
        folded(f"next: {following}", width) if following else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _answer_texts(answers: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the answers of each analysis, below its name where there are several."""
    for name, content in answers.items():
        heading = [f"{name}:"] if len(answers) > 1 else []
        yield "\n".join(heading + answer_lines(content))


def next_step(result: RunResult) -> str:
    """Return what to do next; empty where there is nothing to do."""
    broken = [f for f in result.failures if f["exit_code"] != GateError.exit_code]
    if broken:
        log = min((f["log"] for f in broken if f.get("log")), default=None)
        look = f"look at {log}, mend it, then" if log else "mend what failed, then"
        return f"{look} run the same command again; finished steps are kept"
    if result.exit_code not in (0, GateError.exit_code):
        return "run the same command again; finished steps are kept"
    paths = " ".join(result.reports.values())
    if not paths:
        return ""
    rest = ", which says what to try" if result.exit_code == GateError.exit_code else ""
    return f"open {paths}{rest}"


def as_json(result: RunResult) -> str:
    """Return a result as one JSON document."""
    content = {
        "schema": SCHEMA,
        "exit_code": result.exit_code,
        **results_as_json(result.fits, result.comparisons),
        "altered": list(result.altered),
        "failures": [
            {"step": f["step"], "message": f["message"], "log": f.get("log"), "exit_code": code}
            for f in result.failures
            for code in [f["exit_code"]]
        ],
        "answers": dict(result.answers),
        "reports": dict(result.reports),
        "steps": result.steps,
        "next": next_step(result) or None,
    }
    return json.dumps(content, indent=1)


def _analysis(status: ComparisonStatus) -> str:
    return status.comparison.partition("/")[0]


def _blamed[S: (FitStatus, ComparisonStatus)](
    status: S, steps: Iterable[Step], causes: Mapping[str, str]
) -> S:
    """Return a status that says which failure it has no result for."""
    if status.verdict is not None or status.state == State.ALTERED:
        return status
    found = list(dict.fromkeys(causes[s.key] for s in _with_upstream(steps) if s.key in causes))
    return replace(status, state=FAILED, why=tuple(found)) if found else status


def _with_upstream(steps: Iterable[Step]) -> list[Step]:
    """Return steps and all that they are made from."""
    known: dict[int, Step] = {}
    waiting = list(steps)
    while waiting:
        step = waiting.pop()
        if id(step) not in known:
            known[id(step)] = step
            waiting.extend(step.upstream)
    return list(known.values())


def _cause(failure: Mapping[str, Any]) -> str:
    """Return the first line of what a failed step said: its cause."""
    line = str(failure["message"]).partition("\n")[0].strip().rstrip(":")
    for words in _LAST_WORDS:
        line = line.removesuffix(words)
    return line if len(line) <= _LONGEST_CAUSE else f"{line[: _LONGEST_CAUSE - 1]}…"


def _answers(plan: Plan, chosen: Sequence[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    for step in plan:
        name = step.wildcards.get("analysis", "")
        if step.rule == "answer_questions" and name in chosen and state_of(step) is State.CURRENT:
            output = next(o for o, path in step.outputs.items() if path.endswith(".json"))
            content = proved(step, output)
            if content is not None:
                yield name, content

"""`stanchion advise`: what declaration, programs and data say of the methods, without compiling."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stanchion.config import load
from stanchion.plan.data import mapping_of
from stanchion.plan.facts import gather
from stanchion.plan.model import Plan
from stanchion.plan.planner import make_plan
from stanchion.runs.advice_methods import method_advice, model_advice
from stanchion.runs.advice_program import Advice, program_advice
from stanchion.runs.check import check_plan
from stanchion.runs.check_data import data_of
from stanchion.stan.program import Program
from stanchion.stan.structure import Structure

SCHEMA = "stanchion/advice/1"


@dataclass(frozen=True)
class Advised:
    """What is said of one model in one analysis, with one dataset."""

    analysis: str
    dataset: str
    model: str
    advice: tuple[Advice, ...]

    def text(self) -> str:
        """Return it in words, a matter a paragraph."""
        head = f"{self.analysis}: {self.model} with {self.dataset}"
        lines = [_line(advice) for advice in self.advice] or ["nothing to say"]
        return "\n".join([head, *(f"  - {line}" for line in lines)])

    def as_json(self) -> list[dict[str, object]]:
        """Return it as plain JSON, an entry a matter."""
        return [
            {
                "analysis": self.analysis,
                "dataset": self.dataset,
                "model": self.model,
                "topic": advice.topic,
                "text": advice.text,
                "checks": list(advice.checks),
                "measured": [measured.as_json() for measured in advice.measured],
            }
            for advice in self.advice
        ]


def advise_declaration(configfile: Path, *, as_json: bool) -> str:
    """Return advice on everything that a declaration names, in words or as JSON.

    Raises:
        DeclarationError: the declaration does not hold; it is checked first.
        ToolchainError: there is no stanc to read the programs with.
    """
    project = load(configfile)
    plan = make_plan(project, gather(project, configfile.parent / "waivers.yaml"))
    check_plan(plan)
    advised = list(advise(plan))
    if not as_json:
        return "\n".join(part.text() for part in advised)
    entries = [entry for part in advised for entry in part.as_json()]
    content = {"schema": SCHEMA, "declaration": str(configfile), "advice": entries}
    return json.dumps(content, indent=1, ensure_ascii=False)


def advise(plan: Plan) -> Iterator[Advised]:
    """Yield what is to be said of each analysis, dataset and model of a plan."""
    for name, analysis in plan.project.analyses.items():
        for dataset in analysis.datasets:
            for model in analysis.models:
                wildcards = {"analysis": name, "dataset": dataset, "model": model}
                values = data_of(plan, plan.step("prepare_data", wildcards)).values
                mapping = mapping_of(plan.project, dataset, model, None)
                advice = tuple(_of_model(plan, name, model, values, mapping))
                yield Advised(name, dataset, model, advice)


def _of_model(
    plan: Plan, name: str, model: str, data: Mapping[str, Any], mapping: Mapping[str, Any]
) -> Iterator[Advice]:
    analysis, declared = plan.project.analyses[name], plan.project.models[model]
    program: Program = plan.facts.programs[model]
    without_priors = declared.priors == "none"
    methods = analysis.methods_of(model)
    if not program.family:
        yield from program_advice(
            program,
            data,
            mapping,
            observed=analysis.outcome,
            means_no_priors=without_priors,
        )
    yield from method_advice(
        analysis,
        methods,
        is_centred=not program.family and bool(Structure(program).centred),
        means_no_priors=without_priors,
    )
    yield from model_advice(analysis, program, methods)


def _line(advice: Advice) -> str:
    if not advice.checks:
        return advice.text
    noun = "Check" if len(advice.checks) == 1 else "Checks"
    return f"{advice.text} {noun} in a run: {', '.join(advice.checks)}."

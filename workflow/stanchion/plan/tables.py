"""The step of an analysis' tables for documents: what they are of, and from which files."""

from __future__ import annotations

from collections.abc import Sequence

from stanchion.plan.builder import Planner
from stanchion.plan.model import Fit, Step
from stanchion.plan.report_arguments import Pair, WriteTables
from stanchion.plan.reporting import reported_fit
from stanchion.plan.sections import intervals_of


def tables_step(planner: Planner, name: str, fits: Sequence[Fit]) -> Step:
    """Add the step that writes an analysis' answers and summaries for a document."""
    analysis = planner.project.analyses[name]
    collected = [planner.known(fit, "collect_draws") for fit in fits]
    diagnosed = [planner.known(fit, "diagnose_fit") for fit in fits]
    answered = planner.planned("answer_questions", {"analysis": name})
    compared = planner.planned("compare_models", {"analysis": name})
    inputs: dict[str, str | list[str]] = {
        "summaries": [step.outputs["summary"] for step in collected],
        "diagnostics": [step.outputs["diagnostics"] for step in diagnosed],
    }
    if answered is not None:
        inputs |= {"answers": answered.outputs["details"]}
    if compared is not None:
        inputs |= compared.outputs
    return planner.add(
        "write_tables",
        {"analysis": name},
        arguments=WriteTables(
            project=planner.project.project,
            analysis=name,
            question=analysis.question,
            pairs=tuple(
                Pair(dataset=dataset, model=model)
                for dataset in analysis.datasets
                for model in analysis.models
            ),
            fits=tuple(reported_fit(planner, fit) for fit in fits),
            intervals=intervals_of(analysis),
        ),
        inputs=inputs,
        upstream=[
            *collected,
            *diagnosed,
            *(step for step in (answered, compared) if step is not None),
        ],
    )

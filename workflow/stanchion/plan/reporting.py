"""The report's step: what it shows of an analysis, and from which files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stanchion.config import resolved_checks, resolved_method
from stanchion.plan.builder import Planner
from stanchion.plan.data import dataset_content, mapping_of, source_of
from stanchion.plan.fitting import on_fail, seed
from stanchion.plan.model import Fit, Step
from stanchion.plan.preparing import compile_step, data_step


def report_step(planner: Planner, name: str, fits: Sequence[Fit]) -> Step:
    """Add the step that writes an analysis' report."""
    analysis = planner.project.analyses[name]
    pairs = [(dataset, model) for dataset in analysis.datasets for model in analysis.models]
    data = [data_step(planner, name, *pair) for pair in pairs]
    priors = [s for pair in pairs if (s := _planned(planner, "sample_prior", name, pair))]
    collected = [planner.known(fit, "collect_draws") for fit in fits]
    diagnosed = [planner.known(fit, "diagnose_fit") for fit in fits]
    predicted = [s for fit in fits if (s := planner.planned("predict_outcomes", fit.wildcards))]
    comparison = planner.planned("compare_models", {"analysis": name})
    inputs: dict[str, str | list[str]] = {
        "summaries": [step.outputs["summary"] for step in collected],
        "diagnostics": [step.outputs["diagnostics"] for step in diagnosed],
        "ranks": [step.outputs["picture"] for step in diagnosed],
        "data": [step.outputs["data"] for step in data],
        "metas": [step.outputs["meta"] for step in data],
        "predictives": [step.outputs["predictive"] for step in predicted],
        "predictive_pictures": [step.outputs["picture"] for step in predicted],
        "priors": [step.outputs["checks"] for step in priors],
        "prior_pictures": [step.outputs["picture"] for step in priors],
        "programs": [planner.project.models[model].program for model in analysis.models],
    }
    if comparison is not None:
        inputs |= comparison.outputs
    return planner.add(
        "write_report",
        {"analysis": name},
        arguments={
            "project": planner.project.project,
            "analysis": name,
            "question": analysis.question,
            "seed": planner.project.seed,
            "datasets": [_dataset(planner, dataset) for dataset in analysis.datasets],
            "models": [_model(planner, model) for model in analysis.models],
            "mappings": [mapping_of(planner.project, *pair) for pair in pairs],
            "pairs": [{"dataset": dataset, "model": model} for dataset, model in pairs],
            "fits": [_fit(planner, fit) for fit in fits],
            "priors": [
                {**_without(step.wildcards, "analysis"), "keys": {step.rule: step.key}}
                for step in priors
            ],
            **{
                section: found.model_dump(mode="json") if found is not None else None
                for section, found in (
                    ("compare", analysis.compare),
                    ("predict", analysis.predict),
                    ("posterior_predictive", analysis.posterior_predictive),
                    ("intervals", analysis.intervals),
                )
            },
            "toolchain": dict(planner.facts.toolchain),
        },
        unkeyed={"about": dict(planner.project.about or {})},
        inputs=inputs,
        upstream=[
            *data,
            *priors,
            *collected,
            *diagnosed,
            *predicted,
            *([comparison] if comparison is not None else []),
        ],
    )


def _dataset(planner: Planner, name: str) -> dict[str, Any]:
    declared = planner.project.datasets[name]
    return {
        "name": name,
        "path": declared.path or declared.url,
        "sha256": planner.facts.files[source_of(declared)],
        "declared": dataset_content(declared),
    }


def _model(planner: Planner, name: str) -> dict[str, Any]:
    declared, compiled = planner.project.models[name], compile_step(planner, name)
    return {
        "name": name,
        "program": declared.program,
        "options": {**compiled.arguments, **compiled.unkeyed},
    }


def _fit(planner: Planner, fit: Fit) -> dict[str, Any]:
    analysis = planner.project.analyses[fit.analysis]
    method = analysis.methods[fit.method]
    steps = {
        "compile_program": compile_step(planner, fit.model),
        "prepare_data": data_step(planner, fit.analysis, fit.dataset, fit.model),
        "sample_chain": planner.known(fit, "sample_chain", chain="1"),
        "collect_draws": planner.known(fit, "collect_draws"),
        "diagnose_fit": planner.known(fit, "diagnose_fit"),
    }
    predicted = planner.planned("predict_outcomes", fit.wildcards)
    if predicted is not None:
        steps["predict_outcomes"] = predicted
    return {
        **_without(fit.wildcards, "analysis"),
        "chains": method.jobs if method.is_markov else 0,
        "on_fail": on_fail(planner, fit),
        "settings": resolved_method(method),
        "checks": resolved_checks(analysis, method),
        "seed": seed(planner, fit),
        "parameters": planner.project.models[fit.model].parameters,
        "keys": {rule: step.key for rule, step in steps.items()},
        "has_predictive": predicted is not None,
    }


def _planned(planner: Planner, rule: str, analysis: str, pair: tuple[str, str]) -> Step | None:
    wildcards = {"analysis": analysis, "dataset": pair[0], "model": pair[1]}
    return planner.planned(rule, wildcards)


def _without(wildcards: Any, name: str) -> dict[str, str]:
    return {key: value for key, value in wildcards.items() if key != name}

"""The steps that judge an analysis as a whole: its comparison, and whether the run may pass."""

from __future__ import annotations

from collections.abc import Sequence

from stanchion.plan.arguments import AnswerQuestions, CheckVerdicts, CompareModels, FitArguments
from stanchion.plan.builder import Planner
from stanchion.plan.fits import fit_variables, on_fail
from stanchion.plan.model import Fit, Step
from stanchion.plan.plots import planned_plots
from stanchion.plan.sections import intervals_of


def comparison_step(planner: Planner, name: str, fits: Sequence[Fit]) -> Step:
    """Add the step that compares an analysis' fits, of every method."""
    analysis = planner.project.analyses[name]
    assert analysis.compare is not None
    fits = [fit for fit in fits if analysis.methods[fit.method].draws_of is None]
    draws = [planner.known(fit, "collect_draws") for fit in fits]
    diagnosed = [planner.known(fit, "diagnose_fit") for fit in fits]
    return planner.add(
        "compare_models",
        {"analysis": name},
        arguments=CompareModels(
            by=analysis.compare.by, observed=analysis.outcome, fits=_described(planner, fits)
        ),
        inputs={
            "draws": [step.outputs["draws"] for step in draws],
            "diagnostics": [step.outputs["diagnostics"] for step in diagnosed],
        },
        upstream=[*draws, *diagnosed],
    )


def answers_step(planner: Planner, name: str, fits: Sequence[Fit]) -> Step:
    """Add the step that answers what is asked of an analysis."""
    analysis = planner.project.analyses[name]
    answers = analysis.declared_answers()
    stacked = any(answer.stacked for answer in answers)
    compared = planner.planned("compare_models", {"analysis": name}) if stacked else None
    draws = [planner.known(fit, "collect_draws") for fit in fits]
    diagnosed = [planner.known(fit, "diagnose_fit") for fit in fits]
    inputs: dict[str, str | list[str]] = {
        "draws": [step.outputs["draws"] for step in draws],
        "diagnostics": [step.outputs["diagnostics"] for step in diagnosed],
    }
    return planner.add(
        "answer_questions",
        {"analysis": name},
        arguments=AnswerQuestions(
            answers=answers,
            intervals=intervals_of(analysis),
            fits=_described(planner, fits),
            variables=tuple(fit_variables(planner, fit) for fit in fits),
        ),
        inputs=inputs | (compared.outputs if compared is not None else {}),
        upstream=[*draws, *diagnosed, *([compared] if compared is not None else [])],
    )


def verdicts_step(planner: Planner, name: str, fits: Sequence[Fit], report: Step) -> Step:
    """Add the step that fails, after report and tables, where a check stopped something."""
    written = [report]
    if (tables := planner.planned("write_tables", {"analysis": name})) is not None:
        written.append(tables)
    diagnosed = [planner.known(fit, "diagnose_fit") for fit in fits]
    compared = planner.planned("compare_models", {"analysis": name})
    answered = planner.planned("answer_questions", {"analysis": name})
    planned = (planner.planned("summarise_effects", fit.wildcards) for fit in fits)
    effects = [step for step in planned if step is not None]
    plots = [(fit, step) for fit in fits for step in planned_plots(planner, fit)]
    judged = [compared] if compared is not None else []
    answers = [answered] if answered is not None else []
    pairs = dict.fromkeys((fit.dataset, fit.model) for fit in fits)
    wildcards = [{"analysis": name, "dataset": d, "model": m} for d, m in pairs]
    priors = [step for names in wildcards if (step := planner.planned("sample_prior", names))]
    return planner.add(
        "check_verdicts",
        {"analysis": name},
        arguments=CheckVerdicts(
            analysis=name,
            fits=_described(planner, fits),
            priors=tuple(f"{s.wildcards['dataset']}/{s.wildcards['model']}" for s in priors),
            report=report.outputs["report"],
            plots=tuple(fit.name for fit, _ in plots),
        ),
        inputs={
            "report": report.outputs["report"],
            "diagnostics": [step.outputs["diagnostics"] for step in diagnosed],
            "comparison": [step.outputs["judgement"] for step in judged],
            "answers": [step.outputs["details"] for step in answers],
            **({"effects": [step.outputs["effects"] for step in effects]} if effects else {}),
            "plots": [step.outputs["judgement"] for _, step in plots],
            "priors": [step.outputs["checks"] for step in priors],
        },
        upstream=[
            *(*written, *diagnosed, *judged, *answers, *effects),
            *(*(step for _, step in plots), *priors),
        ],
    )


def _described(planner: Planner, fits: Sequence[Fit]) -> tuple[FitArguments, ...]:
    return tuple(
        FitArguments(
            dataset=fit.dataset,
            model=fit.model,
            method=fit.method,
            on_fail=on_fail(planner, fit),
        )
        for fit in fits
    )

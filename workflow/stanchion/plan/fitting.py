"""The steps of a fit: its chains, their draws, the verdict, predictions. And those of a prior."""

from __future__ import annotations

from collections.abc import Sequence

from stanchion.config import Analysis, resolved_checks, resolved_method
from stanchion.methods.nuts import Nuts
from stanchion.plan.arguments import (
    CollectDraws,
    DiagnoseFit,
    GenerateQuantities,
    PredictOutcomes,
    SamplePrior,
)
from stanchion.plan.builder import Planner
from stanchion.plan.conjugate import exact_posterior
from stanchion.plan.fits import (
    kept_groups,
    on_fail,
    own_program,
    parameters_of,
    references_of,
    seed,
    titles_of,
    used_quantities,
    variables_of,
)
from stanchion.plan.keys import seed_of
from stanchion.plan.model import Fit, Step
from stanchion.plan.original import rescale_step
from stanchion.plan.plots import plot_steps
from stanchion.plan.preparing import compile_step, data_step, new_rows_of, whole_data_step
from stanchion.plan.sampling import sampling_steps
from stanchion.plan.sections import intervals_of, posterior_predictive_of, predict_of

PRIOR_CHAINS = 4
_PRIOR = ("analysis", "dataset", "model")
"""The wildcards of a prior: the fits of one dataset and model share it."""


def prior_step(planner: Planner, name: str, dataset: str, model: str) -> Step:
    """Add the step that draws from the prior of a model."""
    analysis = planner.project.analyses[name]
    assert analysis.prior_predictive is not None
    data, program = data_step(planner, name, dataset, model), compile_step(planner, model)
    sampler = Nuts(chains=PRIOR_CHAINS, draws=-(-analysis.prior_predictive.draws // PRIOR_CHAINS))
    return planner.add(
        "sample_prior",
        {"analysis": name, "dataset": dataset, "model": model},
        arguments=SamplePrior(
            sampler=resolved_method(sampler),
            seed=seed_of(planner.project.seed, dataset, model, "prior"),
            variables=variables_of(planner, analysis, model),
            svg=analysis.has_svg,
        ),
        inputs={
            "data": data.outputs["data"],
            "meta": data.outputs["meta"],
            "executable": program.outputs["executable"],
        },
        upstream=[data, program],
    )


def fit_steps(planner: Planner, fit: Fit) -> None:
    """Add a fit's steps; the last one drops the chains, so that those before can be repeated.

    On a cluster these steps are one job, and a job that is lost midway starts from the chains.
    """
    analysis = planner.project.analyses[fit.analysis]
    sampled = sampling_steps(planner, fit)
    generated = _prediction_step(planner, fit, sampled)
    draws = _collect_step(planner, fit, analysis, sampled, generated)
    drawn = [*sampled, *([generated] if generated is not None else [])]
    chains = [path for step in drawn for path in step.outputs.values()]
    data = whole_data_step(planner, fit.analysis, fit.dataset, fit.model)
    follow_draws(planner, fit, draws, data, chains)


def follow_draws(planner: Planner, fit: Fit, draws: Step, data: Step, files: Sequence[str]) -> None:
    """Add the steps that judge and use a fit's draws, after which these files may go.

    `data` are those that its generated quantities are of.
    """
    analysis = planner.project.analyses[fit.analysis]
    drop = [] if "csv" in analysis.keep else files
    program = own_program(planner, fit)
    predicts = posterior_predictive_of(analysis, program) or predict_of(analysis, program)
    diagnosed = _diagnose_step(planner, fit, analysis, draws, [] if predicts else drop)
    if predicts:
        _predict_step(planner, fit, draws, data, diagnosed, drop)
    rescale_step(planner, fit, draws, data, diagnosed)
    plot_steps(planner, fit)


def _prediction_step(planner: Planner, fit: Fit, sampled: Sequence[Step]) -> Step | None:
    """Add the step that predicts the new rows which a fit's data do not hold, if there are some."""
    pair = fit.analysis, fit.dataset, fit.model
    new_rows = new_rows_of(planner, *pair)
    analysis = planner.project.analyses[fit.analysis]
    method = analysis.methods[fit.method]
    if new_rows is None or new_rows.taken or method.is_point or method.is_external:
        return None
    data, program = whole_data_step(planner, *pair), compile_step(planner, fit.model)
    return planner.add(
        "generate_quantities",
        fit.wildcards,
        arguments=GenerateQuantities(
            method=method.method,
            method_version=method.version,
            settings=method.settings,
            keep=tuple(kept_groups(analysis, method)),
            parameters=planner.facts.programs[fit.model].parameters,
            transformed=False,
            seed=seed(planner, fit),
            on_fail=None,
            fit=fit.name,
            program=planner.project.models[fit.model].title,
            time_limit=method.time_limit,
        ),
        inputs={
            "chains": [path for step in sampled for path in step.outputs.values()],
            "data": data.outputs["data"],
            "executable": program.outputs["executable"],
        },
        upstream=[*sampled, data, program],
    )


def _collect_step(
    planner: Planner, fit: Fit, analysis: Analysis, sampled: Sequence[Step], generated: Step | None
) -> Step:
    """Add the step that joins chains, and the quantities generated after them if there are some."""
    data = whole_data_step(planner, fit.analysis, fit.dataset, fit.model)
    method = analysis.methods[fit.method]
    prior = planner.planned("sample_prior", {n: fit.wildcards[n] for n in _PRIOR})
    made = [path for step in sampled for path in step.outputs.values()]
    inputs: dict[str, str | list[str]] = {
        "chains": made or list(method.drawn_files),
        "data": data.outputs["data"],
        "meta": data.outputs["meta"],
    }
    if generated is not None:
        inputs |= generated.outputs
    if prior is not None:
        inputs |= {"prior": prior.outputs["prior"], "prior_checks": prior.outputs["checks"]}
    return planner.add(
        "collect_draws",
        fit.wildcards,
        arguments=CollectDraws(
            method=method.method,
            method_version=method.version,
            settings=method.settings,
            seed=seed(planner, fit),
            intervals=intervals_of(analysis),
            keep=tuple(kept_groups(analysis, method)),
            variables=variables_of(planner, analysis, fit.model),
            fit=fit.name,
            posterior=exact_posterior(planner.project, fit.model),
        ),
        content={"draws": list(method.hashes)} if method.hashes else {},
        inputs=inputs,
        upstream=[*sampled, *(step for step in (generated, data, prior) if step is not None)],
    )


def _diagnose_step(
    planner: Planner, fit: Fit, analysis: Analysis, draws: Step, drop: Sequence[str]
) -> Step:
    method = analysis.methods[fit.method]
    checks = resolved_checks(analysis, method)
    del checks["on_fail"]
    references = references_of(planner, fit)
    sampled = [planner.known(reference, "collect_draws") for reference in references]
    judged = [planner.known(reference, "diagnose_fit") for reference in references]
    return planner.add(
        "diagnose_fit",
        fit.wildcards,
        arguments=DiagnoseFit(
            method=method.method,
            method_version=method.version,
            checks=checks,
            waivers=tuple(planner.facts.waivers.get(fit.name, ())),
            parameters=parameters_of(planner, fit.model),
            uses=tuple(used_quantities(analysis, method, planner.program_of(fit))),
            references=tuple(reference.method for reference in references),
            fit=fit.name,
            svg=analysis.has_svg,
        ),
        inputs={
            "draws": draws.outputs["draws"],
            "references": [step.outputs["draws"] for step in sampled],
            "reference_diagnostics": [step.outputs["diagnostics"] for step in judged],
        },
        upstream=[draws, *sampled, *judged],
        drop=drop,
    )


def _predict_step(
    planner: Planner,
    fit: Fit,
    draws: Step,
    data: Step,
    diagnosed: Step,
    drop: Sequence[str],
) -> Step:
    analysis = planner.project.analyses[fit.analysis]
    observed, predicted = titles_of(planner, fit)
    return planner.add(
        "predict_outcomes",
        fit.wildcards,
        arguments=PredictOutcomes(
            posterior_predictive=posterior_predictive_of(analysis, own_program(planner, fit)),
            predict=predict_of(analysis, own_program(planner, fit)),
            observed_title=observed,
            predicted_title=predicted,
            intervals=intervals_of(analysis),
            on_fail=on_fail(planner, fit),
            seed=seed(planner, fit),
            fit=fit.name,
            svg=analysis.has_svg,
        ),
        inputs={
            "draws": draws.outputs["draws"],
            "meta": data.outputs["meta"],
            "diagnostics": diagnosed.outputs["diagnostics"],
        },
        upstream=[draws, data, diagnosed],
        drop=drop,
    )

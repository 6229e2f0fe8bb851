"""The steps of a fit: its chains, their draws, the verdict, predictions. And those of a prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stanchion.checks.verdicts import OnFail
from stanchion.config import Analysis, resolved_checks, resolved_method
from stanchion.methods.method import Method
from stanchion.methods.nuts import Nuts
from stanchion.plan.arguments import (
    CollectDraws,
    DiagnoseFit,
    GenerateQuantities,
    PredictOutcomes,
    ProgramVariables,
    SampleChain,
    SampleFit,
    SamplePrior,
    Saving,
)
from stanchion.plan.builder import Planner
from stanchion.plan.conjugate import exact_posterior, used_variables
from stanchion.plan.keys import seed_of
from stanchion.plan.model import Fit, Step
from stanchion.plan.preparing import compile_step, data_step, new_rows_of, whole_data_step
from stanchion.plan.sections import intervals_of, posterior_predictive_of, predict_of
from stanchion.stan.program import Program

PRIOR_CHAINS = 4
_VECTORISING = ("O1", "Oexperimental")
"""Levels of stanc that lay out memory for vectorised sums."""
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
            variables=_variables(planner, analysis, model),
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
    follow_draws(planner, fit, draws, chains)


def follow_draws(planner: Planner, fit: Fit, draws: Step, files: Sequence[str]) -> None:
    """Add the steps that judge and use a fit's draws, after which these files may go."""
    analysis = planner.project.analyses[fit.analysis]
    drop = [] if "csv" in analysis.keep else files
    own = _own_program(planner, fit)
    predicts = posterior_predictive_of(analysis, own) or predict_of(analysis, own)
    diagnosed = _diagnose_step(planner, fit, analysis, draws, [] if predicts else drop)
    if predicts:
        _predict_step(planner, fit, analysis, draws, diagnosed, drop)


def _own_program(planner: Planner, fit: Fit) -> Program | None:
    """Return the program that a fit runs in place of its model's."""
    method = planner.project.analyses[fit.analysis].methods[fit.method]
    return planner.program_of(fit) if method.own_program is not None else None


def sampling_steps(planner: Planner, fit: Fit) -> list[Step]:
    """Add the jobs of a fit's method: one a chain, or one that decides what else to run.

    There are none where the posterior is known.
    """
    method = planner.project.analyses[fit.analysis].methods[fit.method]
    if method.is_exact:
        return []
    add = _chain_steps if method.procedure is None else _procedure_step
    return add(planner, fit, method)


def _procedure_step(planner: Planner, fit: Fit, method: Method) -> list[Step]:
    analysis = planner.project.analyses[fit.analysis]
    data = data_step(planner, fit.analysis, fit.dataset, fit.model)
    program = compile_step(planner, fit.model)
    checks = resolved_checks(analysis, method)
    content, inputs = _sampling_inputs(planner, method, data, program)
    sources = [planner.known(source, "collect_draws") for source in sources_of(planner, fit)]
    if sources:
        inputs["source"] = sources[0].outputs["draws"]
    step = planner.add(
        "sample_fit",
        fit.wildcards,
        arguments=SampleFit(
            method=method.method,
            method_version=method.version,
            settings=method.settings,
            seed=seed(planner, fit),
            checks={name: checks[name] for name in method.decides_by},
            keep=tuple(_kept_groups(analysis, method)),
            variables=_variables(planner, analysis, fit.model),
            jobs=method.jobs,
            threads=method.threads,
            time_limit=method.time_limit,
            fit=fit.name,
            saving=_saving(method, program),
        ),
        content=content,
        inputs=inputs,
        upstream=[data, program, *sources],
        method=method,
        at_once=method.jobs,
    )
    return [step]


def _chain_steps(planner: Planner, fit: Fit, method: Method) -> list[Step]:
    keep = _kept_groups(planner.project.analyses[fit.analysis], method)
    data = data_step(planner, fit.analysis, fit.dataset, fit.model)
    program = compile_step(planner, fit.model)
    content, inputs = _sampling_inputs(planner, method, data, program)
    steps = []
    for chain in range(1, method.jobs + 1):
        arguments = SampleChain(
            command=tuple(method.command(keep)),
            rows=method.rows(keep),
            start=None if isinstance(method.start, str) else method.start,
            seed=seed(planner, fit),
            chain=chain,
            threads=method.threads,
            name=method.chain_name.format(chain=chain),
            method=method.method,
            time_limit=method.time_limit,
            saving=_saving(method, program),
            parts=method.parts,
        )
        step = planner.add(
            "sample_chain",
            {**fit.wildcards, "chain": str(chain)},
            arguments=arguments,
            content=content,
            inputs=inputs,
            upstream=[data, program],
            method=method,
        )
        steps.append(step)
    return steps


def _sampling_inputs(
    planner: Planner, method: Method, data: Step, program: Step
) -> tuple[dict[str, Any], dict[str, str | list[str]]]:
    """Return what enters the key of a step that samples, and what it reads."""
    inputs: dict[str, str | list[str]] = {
        "data": data.outputs["data"],
        "executable": program.outputs["executable"],
    }
    if not isinstance(method.start, str):
        return {}, inputs
    return {"init": planner.facts.files[method.start]}, {**inputs, "init": method.start}


def _saving(method: Method, program: Step) -> Saving | None:
    """Return how a job saves its state.

    The order of sums may follow from addresses in memory where the compiler vectorises, and from
    the scheduler where several threads share a chain: bytes are promised for the others, where no
    variable for make may change the compiler's flags.
    """
    if method.saving is None or not method.saving["checkpoint"]:
        return None
    options = program.arguments
    vectorised = options["native"] or any(options["stanc"].get(level) for level in _VECTORISING)
    return Saving(
        seconds=float(method.saving["checkpoint"]),
        keep=method.saving["keep_state"],
        elsewhere=method.saving["resume_elsewhere"],
        exact=not vectorised and not any(options["cpp"].values()) and method.threads == 1,
    )


def _prediction_step(planner: Planner, fit: Fit, sampled: Sequence[Step]) -> Step | None:
    """Add the step that predicts the new rows which a fit's data do not hold, if there are some."""
    pair = fit.analysis, fit.dataset, fit.model
    new_rows = new_rows_of(planner, *pair)
    analysis = planner.project.analyses[fit.analysis]
    method = analysis.methods[fit.method]
    if new_rows is None or new_rows.taken or method.is_point:
        return None
    data, program = whole_data_step(planner, *pair), compile_step(planner, fit.model)
    return planner.add(
        "generate_quantities",
        fit.wildcards,
        arguments=GenerateQuantities(
            method=method.method,
            method_version=method.version,
            settings=method.settings,
            keep=tuple(_kept_groups(analysis, method)),
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
    inputs: dict[str, str | list[str]] = {
        "chains": [path for step in sampled for path in step.outputs.values()],
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
            keep=tuple(_kept_groups(analysis, method)),
            variables=_variables(planner, analysis, fit.model),
            fit=fit.name,
            posterior=exact_posterior(planner.project, fit.model),
        ),
        inputs=inputs,
        upstream=[*sampled, *(step for step in (generated, data, prior) if step is not None)],
    )


def _kept_groups(analysis: Analysis, method: Method) -> list[str]:
    """Return what of a method's run goes into draws.nc with its draws."""
    return sorted(method.keeps & set(analysis.keep))


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
            uses=tuple(_used(analysis, method, planner.program_of(fit))),
            references=tuple(reference.method for reference in references),
            fit=fit.name,
        ),
        inputs={
            "draws": draws.outputs["draws"],
            "references": [step.outputs["draws"] for step in sampled],
            "reference_diagnostics": [step.outputs["diagnostics"] for step in judged],
        },
        upstream=[draws, *sampled, *judged],
        drop=drop,
    )


def references_of(planner: Planner, fit: Fit) -> list[Fit]:
    """Return the fits that an approximation of the same posterior is held to.

    One whose draws another fit's sampling reads is held to fits that read none: no two fits wait
    for each other. A fit that takes the draws of another is held to that one.
    """
    analysis = planner.project.analyses[fit.analysis]
    if analysis.methods[fit.method].draws_of is not None:
        return sources_of(planner, fit)
    if is_reference(planner, fit) or analysis.methods[fit.method].is_point:
        return []
    methods = analysis.methods_of(fit.model)
    is_source = fit.method in {method.source for method in methods.values()}
    return [
        replace(fit, method=label)
        for label, method in methods.items()
        if method.is_reference and not (is_source and method.source is not None)
    ]


def sources_of(planner: Planner, fit: Fit) -> list[Fit]:
    """Return the fit whose draws another takes, or its sampling reads, if there is one."""
    method = planner.project.analyses[fit.analysis].methods[fit.method]
    source = method.source or method.draws_of
    return [] if source is None else [replace(fit, method=source)]


def _predict_step(
    planner: Planner,
    fit: Fit,
    analysis: Analysis,
    draws: Step,
    diagnosed: Step,
    drop: Sequence[str],
) -> Step:
    return planner.add(
        "predict_outcomes",
        fit.wildcards,
        arguments=PredictOutcomes(
            posterior_predictive=posterior_predictive_of(analysis, _own_program(planner, fit)),
            predict=predict_of(analysis, _own_program(planner, fit)),
            intervals=intervals_of(analysis),
            on_fail=on_fail(planner, fit),
            seed=seed(planner, fit),
            fit=fit.name,
        ),
        inputs={
            "draws": draws.outputs["draws"],
            "diagnostics": diagnosed.outputs["diagnostics"],
        },
        upstream=[draws, diagnosed],
        drop=drop,
    )


def is_reference(planner: Planner, fit: Fit) -> bool:
    """Tell whether approximations of the same posterior are held to a fit."""
    return planner.project.analyses[fit.analysis].methods[fit.method].is_reference


def seed(planner: Planner, fit: Fit) -> int:
    """Return a fit's seed: its method's, else one of the project's seed and the fit's names."""
    declared = planner.project.analyses[fit.analysis].methods[fit.method].seed
    if declared is not None:
        return declared
    return seed_of(planner.project.seed, fit.dataset, fit.model, fit.method)


def on_fail(planner: Planner, fit: Fit) -> OnFail:
    """Return what a failed check of a fit does: where its draws stop, it stops with them."""
    analysis = planner.project.analyses[fit.analysis]
    method = analysis.methods[fit.method]
    declared: OnFail = resolved_checks(analysis, method)["on_fail"]
    if method.draws_of is None or declared == "stop":
        return declared
    return on_fail(planner, replace(fit, method=method.draws_of))


def parameters_of(planner: Planner, model: str) -> tuple[str, ...] | None:
    """Return the parameters that a model's summary and pictures show, None where all are."""
    declared = planner.project.models[model].parameters
    return tuple(declared) if declared is not None else None


def _variables(planner: Planner, analysis: Analysis, model: str) -> ProgramVariables:
    checked, predict = analysis.posterior_predictive, analysis.predict
    program, parameters = planner.facts.programs[model], parameters_of(planner, model)
    return ProgramVariables(
        declared=used_variables(program, analysis, parameters)
        if program.family
        else program.variables(),
        parameters=parameters,
        observed=checked.observed if checked else None,
        replicated=checked.replicated if checked else None,
        predicted=predict.variable if predict else None,
    )


def _used(analysis: Analysis, method: Method, program: Program) -> list[str]:
    """Return the generated quantities that the method, or something declared, is about."""
    checked, predict = analysis.posterior_predictive, analysis.predict
    used = {"log_lik"} if analysis.compare is not None else set()
    used |= {checked.replicated} if checked is not None else set()
    if "generated_quantities" in method.results:
        used |= {variable.name for variable in program.generated_quantities}
    return sorted(used | ({predict.variable} if predict is not None else set()))

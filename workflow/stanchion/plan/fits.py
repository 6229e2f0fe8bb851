"""What is known of a fit before it runs: its seed, what it is held to, what is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stanchion.checks.verdicts import OnFail
from stanchion.config import Analysis, resolved_checks
from stanchion.methods.method import Method
from stanchion.plan.arguments import PosteriorPredictive, Predict, ProgramVariables
from stanchion.plan.builder import Planner
from stanchion.plan.conjugate import used_variables
from stanchion.plan.data import title_of
from stanchion.plan.keys import seed_of
from stanchion.plan.model import Fit
from stanchion.plan.sections import posterior_predictive_of, predict_of
from stanchion.stan.program import Program, Variable


def is_reference(planner: Planner, fit: Fit) -> bool:
    """Tell whether approximations of the same posterior are held to a fit."""
    return planner.project.analyses[fit.analysis].methods[fit.method].is_reference


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


def own_program(planner: Planner, fit: Fit) -> Program | None:
    """Return the program that a fit runs in place of its model's."""
    method = planner.project.analyses[fit.analysis].methods[fit.method]
    return planner.program_of(fit) if method.own_program is not None else None


def kept_groups(analysis: Analysis, method: Method) -> list[str]:
    """Return what of a method's run goes into draws.nc with its draws."""
    return sorted(method.keeps & set(analysis.keep))


def variables_of(planner: Planner, analysis: Analysis, model: str) -> ProgramVariables:
    program, parameters = planner.facts.programs[model], parameters_of(planner, model)
    declared = (
        used_variables(program, analysis, parameters) if program.family else program.variables()
    )
    predicted = posterior_predictive_of(analysis), predict_of(analysis)
    return program_variables(declared, parameters, *predicted)


def fit_variables(planner: Planner, fit: Fit) -> ProgramVariables:
    """Return the variables that a fit's draws are of: those of its method's own program, if any."""
    analysis = planner.project.analyses[fit.analysis]
    program = own_program(planner, fit)
    if program is None:
        return variables_of(planner, analysis, fit.model)
    checked, predict = posterior_predictive_of(analysis, program), predict_of(analysis, program)
    return program_variables(program.variables(), None, checked, predict)


def program_variables(
    declared: Mapping[str, tuple[Variable, ...]],
    parameters: tuple[str, ...] | None,
    checked: PosteriorPredictive | None,
    predict: Predict | None,
) -> ProgramVariables:
    """Return a program's variables with what is replicated and predicted by them."""
    return ProgramVariables(
        declared=declared,
        parameters=parameters,
        observed=checked.observed if checked else None,
        replicated=checked.replicated if checked else None,
        predicted=predict.variable if predict else None,
    )


def used_quantities(analysis: Analysis, method: Method, program: Program) -> list[str]:
    """Return the generated quantities that the method, or something declared, is about."""
    checked, predict = analysis.posterior_predictive, analysis.predict
    used = {"log_lik"} if analysis.compare is not None else set()
    used |= {checked.replicated} if checked is not None else set()
    if "generated_quantities" in method.results:
        used |= {variable.name for variable in program.generated_quantities}
    return sorted(used | ({predict.variable} if predict is not None else set()))


def titles_of(planner: Planner, fit: Fit) -> tuple[str | None, str | None]:
    """Return what axes of the observed and of the predicted variable are called, where declared.

    What is predicted is of the observed variable where it is named after it: `y_new` of `y`.
    """
    analysis = planner.project.analyses[fit.analysis]
    observed = analysis.outcome
    if observed is None:
        return None, None
    title = title_of(planner.project, fit.dataset, fit.model, observed)
    named = analysis.predict is not None and analysis.predict.variable.startswith(f"{observed}_")
    checked = title if analysis.posterior_predictive is not None else None
    return checked, title if named else None

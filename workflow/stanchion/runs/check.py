"""`stanchion check`: the declaration against its files and programs, without compiling."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from stanchion.checks.outcomes import Outcomes, differences
from stanchion.config import Analysis, Project, load, load_waivers
from stanchion.datasets import (
    GridRequest,
    NewRows,
    Request,
    StanData,
    built,
    faults_of_any_rows,
    missing_switch,
)
from stanchion.datasets.faults import gathered
from stanchion.draws.naming import Naming
from stanchion.errors import DataError, DeclarationError, Fault, StepError
from stanchion.expressions.check import Kind
from stanchion.plan.argument_json import read_arguments
from stanchion.plan.arguments import CollectDraws, PrepareData
from stanchion.plan.builder import Planner
from stanchion.plan.catalogue import STEPS
from stanchion.plan.facts import gather
from stanchion.plan.model import Plan, Step
from stanchion.plan.planner import make_plan
from stanchion.plan.preparing import used_in_fit
from stanchion.runs.check_answers import FitVariables, Sizes, answer_faults
from stanchion.runs.external_files import external_faults
from stanchion.runs.init_files import init_faults
from stanchion.runs.json_output import faults_as_json
from stanchion.runs.scripts import python_faults, require_made, table_notes, unmade
from stanchion.runs.statistics_faults import Pair, kinds_of, statistics_faults
from stanchion.schema.locations import nearest
from stanchion.stan.program import Program, Variable
from stanchion.stats.conjugate.families import prior_faults, rows_of
from stanchion.system.sentences import counted

SCHEMA = "stanchion/check/1"


@dataclass(frozen=True)
class Checked:
    """What a declaration without a fault names, and what is worth knowing of it."""

    declaration: str
    analyses: int
    fits: int
    programs: int
    conjugate_models: int
    notes: tuple[str, ...]

    def text(self) -> str:
        """Return it in words."""
        exact = self.conjugate_models
        families = f", {counted(exact, 'conjugate model')}" if exact else ""
        summary = (
            f"{self.declaration}: {counted(self.analyses, 'analysis', 'analyses')}, "
            f"{counted(self.fits, 'fit')}, "
            f"{counted(self.programs, 'program')}{families}: nothing wrong found"
        )
        return "\n".join([summary, *(f"note: {note}" for note in self.notes)])

    def as_json(self) -> str:
        """Return it as JSON."""
        return json.dumps({"schema": SCHEMA, "ok": True, **asdict(self), "faults": []}, indent=1)


def faulty_as_json(declaration: Path, error: DeclarationError) -> str:
    """Return the faults of a declaration as JSON."""
    faults = faults_as_json(error.faults)
    content = {"schema": SCHEMA, "ok": False, "declaration": str(declaration), "faults": faults}
    return json.dumps(content, indent=1)


def check_declaration(configfile: Path) -> Checked:
    """Check everything that a declaration names, and return what was found well.

    Raises:
        DeclarationError: with every fault.
        ToolchainError: there is no stanc to read the programs with.
    """
    project = load(configfile)
    waivers = configfile.parent / "waivers.yaml"
    if waivers.exists():
        load_waivers(waivers, project)
    plan = make_plan(project, gather(project, waivers))
    check_plan(plan, python_faults(plan))
    exact = sum(model.conjugate is not None for model in project.models.values())
    return Checked(
        str(configfile),
        analyses=len(project.analyses),
        fits=len(plan.fits),
        programs=len(project.models) - exact + len(plan.facts.own_programs),
        conjugate_models=exact,
        notes=tuple(notes_of(plan)),
    )


def notes_of(plan: Plan) -> list[str]:
    """Return what is worth knowing of a plan, and no fault.

    That are tables that are not made yet, and fits that need the new rows.
    """
    planner = Planner(plan.project, plan.facts)
    notes = list(table_notes(plan))
    for name, analysis in plan.project.analyses.items():
        for model in analysis.models:
            used = {v for d in analysis.datasets for v in used_in_fit(planner, name, d, model)}
            if used and analysis.predict is not None:
                notes.append(
                    f"{plan.project.models[model].program} uses {', '.join(sorted(used))} "
                    "for more than generated quantities, so that a fit holds the new rows: an edit "
                    f"of dataset {analysis.predict.dataset} samples its chains anew"
                )
    return notes


def check_plan(plan: Plan, more: Iterable[Fault] = ()) -> None:
    """Check programs and data of every fit of a plan.

    Raises:
        DeclarationError: with every fault, and `more` of them.
    """
    faults = gathered([*more, *_program_faults(plan), *_data_faults(plan)])
    if faults:
        raise DeclarationError(faults)


def _program_faults(plan: Plan) -> Iterator[Fault]:
    project = plan.project
    for name, declared in project.models.items():
        program = plan.facts.programs[name]
        for position, parameter in enumerate(declared.parameters or []):
            names = [variable.name for variable in _drawn(program)]
            if parameter not in names:
                yield project.fault(
                    f"{declared.title} has no {parameter!r}",
                    *("models", name, "parameters", position),
                    value=parameter,
                    allowed=", ".join(names),
                )
    for name, analysis in project.analyses.items():
        programs = [plan.facts.programs[model] for model in analysis.models]
        yield from _limits(project, name, analysis, programs)
        yield from _together(project, name, analysis, programs)
        if analysis.plots:
            from stanchion.runs.check_plots import plot_faults

            yield from plot_faults(project, name, programs)
        for model, program in zip(analysis.models, programs, strict=True):
            yield from _analysis_faults(project, name, analysis, model, program)


def _limits(
    project: Project, name: str, analysis: Analysis, programs: Sequence[Program]
) -> Iterator[Fault]:
    """A limit is of a variable that the gate judges, in one of the programs at least."""
    judged = [v.name for p in programs for v in (*p.parameters, *p.transformed_parameters)]
    names = list(dict.fromkeys(["lp__", *judged]))
    for key, variable in analysis.checks.limited():
        if variable not in names:
            suggestion = nearest(variable, names)
            yield project.fault(
                f"no program of this analysis has a parameter {variable!r}",
                *("analyses", name, "checks", key, variable),
                value=variable,
                allowed=", ".join(names),
                todo=f"write {suggestion}" if suggestion else "correct or remove it",
            )


def _together(
    project: Project, name: str, analysis: Analysis, programs: Sequence[Program]
) -> Iterator[Fault]:
    """What is drawn of all models together stands in the summaries of two of them at least."""
    shown = [
        variable
        for model, program in zip(analysis.models, programs, strict=True)
        for variable in project.models[model].parameters
        or [v.name for v in (*program.parameters, *program.transformed_parameters)]
    ]
    names = [variable for variable in dict.fromkeys(shown) if shown.count(variable) > 1]
    for position, variable in enumerate(analysis.forest.together if analysis.forest else ()):
        if variable not in names:
            suggestion = nearest(variable, names)
            yield project.fault(
                f"{variable!r} is shown of fewer than two models of this analysis",
                *("analyses", name, "forest", "together", position),
                value=variable,
                allowed=", ".join(names) or "the models have no variable in common",
                todo=f"write {suggestion}"
                if suggestion
                else "name a variable of several models, and in their `parameters:` where they "
                "have one",
            )


def _analysis_faults(
    project: Project, name: str, analysis: Analysis, model: str, program: Program
) -> Iterator[Fault]:
    path, generated = project.models[model].title, program.generated_quantities
    key = ("analyses", name)
    if analysis.prior_predictive is not None:
        dotted = f"analyses.{name}.prior_predictive"
        where = project.where(*key, "prior_predictive")
        fault = missing_switch(path, dotted, program.data, lambda _: where)
        if fault is not None:
            yield fault
    checked = analysis.posterior_predictive
    if checked is not None:
        at = (*key, "posterior_predictive")
        yield from _needs(project, path, checked.observed, program.data, *at, "observed")
        yield from _needs(project, path, checked.replicated, generated, *at, "replicated")
    if analysis.predict is not None:
        variable = analysis.predict.variable
        yield from _needs(project, path, variable, generated, *key, "predict", "variable")
    if analysis.compare is not None and analysis.compare.observed is not None:
        at = (*key, "compare")
        yield from _needs(project, path, analysis.compare.observed, program.data, *at, "observed")
    if analysis.compare is not None and not program.has("log_lik"):
        yield project.fault(
            f"{path} has no `log_lik`, so its fit cannot be compared",
            *key,
            "compare",
            todo="add `vector[N] log_lik` to its generated quantities, the log density of each "
            "observation; or remove `compare`",
        )


def _needs(
    project: Project, path: str, name: str, variables: tuple[Variable, ...], *key: str
) -> Iterator[Fault]:
    names = [variable.name for variable in variables]
    if name not in names:
        block = "data" if key[-1] == "observed" else "generated quantities"
        yield project.fault(
            f"{path} has no {name!r} in its {block}",
            *key,
            value=name,
            allowed=", ".join(names) or "nothing is declared there",
        )


def _data_faults(plan: Plan) -> Iterator[Fault]:
    """Build every model's data once, and compare what the models of an analysis are fitted to."""
    project = plan.project
    outcomes: dict[str, Outcomes | None] = {}
    sizes: dict[str, Sizes] = {}
    numbers: dict[str, Mapping[str, Any]] = {}
    maps: dict[str, Mapping[str, Any]] = {}
    kinds: dict[str, Mapping[str, Kind]] = {}
    drawn = {plan.of(fit, "collect_draws").inputs["data"] for fit in plan.fits}
    fitted: dict[str, list[tuple[Pair, Mapping[str, Kind]]]] = {}
    prepared = [step for step in plan if STEPS[step.rule].arguments is PrepareData]
    for step in sorted(prepared, key=lambda step: bool(unmade(step))):
        model = step.wildcards["model"]
        if step.key not in outcomes and unmade(step):
            outcomes[step.key] = None
            faults = faults_of_any_rows(_request(plan, step))
            yield from (_of_its_program(plan, step, fault) for fault in faults)
        if step.key not in outcomes:
            try:
                data = data_of(plan, step)
                values, sizes[step.key] = data.values, Sizes.of(data.values, data.meta)
                maps[step.key] = data.meta.get("original_scale", {})
                outcomes[step.key] = Outcomes.of(values)
                kinds[step.key] = kinds_of(_naming(plan, step, data), values)
                numbers[step.key] = {n: v for n, v in values.items() if isinstance(v, int | float)}
                yield from _without_posterior(project, model, values)
            except DataError as error:
                outcomes[step.key] = None
                yield from (_of_its_program(plan, step, fault) for fault in error.faults)
        if step.key in numbers and "analysis" in step.wildcards:
            program = plan.facts.programs[model]
            fitted_in = step.wildcards["analysis"]
            yield from init_faults(project, fitted_in, model, program, numbers[step.key])
            if step.outputs["data"] in drawn:
                pair = step.wildcards["dataset"], model
                fitted.setdefault(fitted_in, []).append((pair, kinds[step.key]))
    yield from external_faults(plan, lambda step: data_of(plan, step).values)
    yield from _without_original_scale(plan, maps)
    for name, analysis in project.analyses.items():
        yield from statistics_faults(project, name, fitted.get(name, []))
        if analysis.answers:
            yield from answer_faults(project, name, analysis, list(_variables(plan, name, sizes)))
        if analysis.compare is not None:
            for dataset in analysis.datasets:
                of_models = {
                    model: outcomes[plan.step("prepare_data", _pair(name, dataset, model)).key]
                    for model in analysis.models
                }
                yield from _unlike_outcomes(project, name, dataset, of_models)


def _variables(plan: Plan, name: str, sizes: Mapping[str, Sizes]) -> Iterator[FitVariables]:
    """Yield what the draws of an analysis' fits are of, where their data could be built."""
    for fit in plan.fits:
        if fit.analysis == name:
            step = plan.step("collect_draws", fit.wildcards)
            arguments = read_arguments(CollectDraws, {**step.arguments, **step.unkeyed}, step.rule)
            made = next(s for s in step.upstream if s.outputs.get("meta") == step.inputs["meta"])
            if made.key in sizes:
                program = plan.project.models[fit.model].title
                yield FitVariables(program, arguments.variables.declared, sizes[made.key])


def _without_original_scale(plan: Plan, maps: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    """Yield a fault for each model whose coefficients are to be on a scale that is not known."""
    seen = set[tuple[str, ...]]()
    for step in plan:
        if step.rule != "rescale_coefficients":
            continue
        analysis, model = step.wildcards["analysis"], step.wildcards["model"]
        (data,) = [s for s in step.upstream if STEPS[s.rule].arguments is PrepareData]
        for coefficient in step.arguments["coefficients"]:
            variable = coefficient["variable"]
            known = maps.get(data.key, {}).get(coefficient["matrix"], {})
            if "because" in known and (analysis, model, variable) not in seen:
                seen.add((analysis, model, variable))
                yield plan.project.fault(
                    f"{variable} of model {model} has no original scale: {known['because']}",
                    *("analyses", analysis, "original_scale"),
                    todo="name the coefficients that have one, or transform in the formula",
                )


def _without_posterior(project: Project, model: str, values: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault for each prior of a conjugate model that is not of as many columns.

    Where all are, there is one where these data give no posterior.
    """
    conjugate = project.models[model].conjugate
    if conjugate is None:
        return
    at = ("models", model, "conjugate", "prior")
    faults = list(prior_faults(conjugate.numbers, values))
    for name, what, allowed in faults:
        yield project.fault(what, *at, name, value=conjugate.numbers[name], allowed=allowed)
    if not faults:
        try:
            conjugate.row.posterior(rows_of(conjugate.row, values), conjugate.numbers)
        except StepError as error:
            for fault in error.faults:
                yield project.fault(fault.what, *at, todo=fault.todo)


def _of_its_program(plan: Plan, step: Step, fault: Fault) -> Fault:
    """Return a fault that names the program, where that is not the model's."""
    program = step.unkeyed["program"]
    if program == plan.project.models[step.wildcards["model"]].title:
        return fault
    return replace(fault, what=fault.what.replace("the program's ", f"{program}'s ", 1))


def data_of(plan: Plan, step: Step) -> StanData:
    """Build the data of a step that prepares some.

    Raises:
        DataError: they cannot be built, or a table that they are made of is not made yet.
    """
    require_made(step)
    return built(_request(plan, step))


def _request(plan: Plan, step: Step) -> Request:
    """Return what the program of a step that prepares data asks of its datasets."""
    project, model = plan.project, step.wildcards["model"]
    arguments = read_arguments(PrepareData, {**step.arguments, **step.unkeyed}, step.rule)
    datasets = {name: project.datasets[name] for name in arguments.declared}
    new_rows, grid = arguments.predict, None
    if arguments.grid is not None:
        key = f"analyses.{step.wildcards['analysis']}.effects"
        grid = GridRequest(
            arguments.grid.of, arguments.grid.outcome, key, over=arguments.over or {}
        )
    return Request(
        arguments.dataset,
        datasets.pop(arguments.dataset),
        arguments.mapping,
        arguments.variables,
        {name: Path(str(path)) for name, path in step.inputs.items()},
        datasets,
        new_rows=NewRows(new_rows.dataset, new_rows.taken, grid) if new_rows is not None else None,
        where=lambda key: project.where(*key.split(".")),
        model=model,
        updates=arguments.updates,
        is_conjugate=arguments.is_conjugate,
    )


def _naming(plan: Plan, step: Step, data: StanData) -> Naming:
    """Return the dimensions of data and draws, by the program of these data."""
    variables = plan.facts.programs[step.wildcards["model"]].variables()
    arguments = read_arguments(PrepareData, {**step.arguments, **step.unkeyed}, step.rule)
    return Naming.of({**variables, "data": arguments.variables}, data.values, data.meta)


def _pair(analysis: str, dataset: str, model: str) -> dict[str, str]:
    return {"analysis": analysis, "dataset": dataset, "model": model}


def _unlike_outcomes(
    project: Project, name: str, dataset: str, outcomes: Mapping[str, Outcomes | None]
) -> Iterator[Fault]:
    """Yield a fault for each model that is of another outcome than the first."""
    outcome = project.analyses[name].outcome
    (first, reference), *others = outcomes.items()
    for model, other in others:
        if reference is None or other is None:
            continue
        clauses = ", ".join(differences(reference, other, outcome))
        if clauses:
            mend = "" if outcome else "; if none of these is the outcome, name it in `observed`"
            yield project.fault(
                f"the models {first} and {model} of dataset {dataset} are of different outcomes "
                f"and cannot be compared: {clauses}",
                *("analyses", name, "compare"),
                todo=f"compare models of the same outcome, on the same scale{mend}",
            )


def _drawn(program: Program) -> tuple[Variable, ...]:
    return (*program.parameters, *program.transformed_parameters, *program.generated_quantities)

"""What `stanchion check` says of data: each model's are built once, and looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stanchion.checks.outcomes import Outcomes, differences
from stanchion.config import Project
from stanchion.datasets import GridRequest, NewRows, Request, StanData, built, faults_of_any_rows
from stanchion.draws.naming import Naming
from stanchion.errors import DataError, Fault, StepError
from stanchion.expressions.check import Kind
from stanchion.plan.argument_json import read_arguments
from stanchion.plan.arguments import CollectDraws, PrepareData
from stanchion.plan.catalogue import STEPS
from stanchion.plan.model import Plan, Step
from stanchion.provenance.stamps import Content
from stanchion.runs.check_answers import FitVariables, Sizes, answer_faults
from stanchion.runs.external_files import external_faults
from stanchion.runs.init_files import init_faults
from stanchion.runs.scripts import made_tables, require_made, unmade
from stanchion.runs.statistics_faults import Pair, kinds_of, statistics_faults
from stanchion.stats.conjugate.families import prior_faults, rows_of


def data_faults(plan: Plan) -> Iterator[Fault]:
    """Build every model's data once, and compare what the models of an analysis are fitted to."""
    project = plan.project
    outcomes: dict[str, Outcomes] = {}
    sizes: dict[str, Sizes] = {}
    maps: dict[str, Mapping[str, Any]] = {}
    drawn = {plan.of(fit, "collect_draws").inputs["data"] for fit in plan.fits}
    fitted: dict[str, list[tuple[Pair, Mapping[str, Kind]]]] = {}
    for first, *others in _of_equal_data(plan):
        if unmade(first):
            faults = faults_of_any_rows(_request(plan, first))
            yield from (_of_its_program(plan, first, fault) for fault in faults)
            continue
        try:
            data = data_of(plan, first)
        except DataError as error:
            yield from (_of_its_program(plan, first, fault) for fault in error.faults)
            continue
        compared, sized = Outcomes.of(data.values), Sizes.of(data.values, data.meta)
        kinds = kinds_of(_naming(plan, first, data), data.values)
        numbers = {n: v for n, v in data.values.items() if isinstance(v, int | float)}
        for model in dict.fromkeys(step.wildcards["model"] for step in (first, *others)):
            yield from _without_posterior(project, model, data.values)
        for step in (first, *others):
            outcomes[step.key_file], sizes[step.key_file] = compared, sized
            maps[step.key_file] = data.meta.get("original_scale", {})
            fitted_in, model = step.wildcards["analysis"], step.wildcards["model"]
            yield from init_faults(project, fitted_in, model, plan.facts.programs[model], numbers)
            if step.outputs["data"] in drawn:
                pair = step.wildcards["dataset"], model
                fitted.setdefault(fitted_in, []).append((pair, kinds))
    yield from external_faults(plan, lambda step: data_of(plan, step).values)
    yield from _without_original_scale(plan, maps)
    for name, analysis in project.analyses.items():
        yield from statistics_faults(project, name, fitted.get(name, []))
        if analysis.answers:
            yield from answer_faults(project, name, analysis, list(_variables(plan, name, sizes)))
        if analysis.compare is not None:
            for dataset in analysis.datasets:
                of_models = {
                    model: outcomes.get(
                        plan.step("prepare_data", _pair(name, dataset, model)).key_file
                    )
                    for model in analysis.models
                }
                yield from _unlike_outcomes(project, name, dataset, of_models)


def _of_equal_data(plan: Plan) -> list[list[Step]]:
    """Return the steps that prepare data, those together whose data are the same.

    They are of one key, and of equal tables where a script has made them: it need not repeat
    itself. A step whose table is not made yet goes with the first of its key.
    """
    prepared = [step for step in plan if STEPS[step.rule].arguments is PrepareData]
    together: dict[str, dict[tuple[Content, ...], list[Step]]] = {}
    for step in sorted(prepared, key=lambda step: bool(unmade(step))):
        of_its_key = together.setdefault(step.key, {})
        if of_its_key and unmade(step):
            next(iter(of_its_key.values())).append(step)
        else:
            of_its_key.setdefault(made_tables(step), []).append(step)
    return [steps for of_its_key in together.values() for steps in of_its_key.values()]


def _variables(plan: Plan, name: str, sizes: Mapping[str, Sizes]) -> Iterator[FitVariables]:
    """Yield what the draws of an analysis' fits are of, where their data could be built."""
    for fit in plan.fits:
        if fit.analysis == name:
            step = plan.step("collect_draws", fit.wildcards)
            arguments = read_arguments(CollectDraws, {**step.arguments, **step.unkeyed}, step.rule)
            made = next(s for s in step.upstream if s.outputs.get("meta") == step.inputs["meta"])
            if made.key_file in sizes:
                program = plan.project.models[fit.model].title
                yield FitVariables(program, arguments.variables.declared, sizes[made.key_file])


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
            known = maps.get(data.key_file, {}).get(coefficient["matrix"], {})
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
            conjugate.row.log_evidence(rows_of(conjugate.row, values), conjugate.numbers)
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

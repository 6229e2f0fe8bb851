"""The report's step: what it shows of an analysis, and from which files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stanchion.config import Analysis, resolved_checks, resolved_method
from stanchion.config import Dataset as DeclaredDataset
from stanchion.plan.builder import Planner
from stanchion.plan.data import dataset_content, mapping_of, source_of, title_of
from stanchion.plan.fits import on_fail, parameters_of, seed
from stanchion.plan.making import table_step
from stanchion.plan.model import Fit, Step
from stanchion.plan.original import rescaled_in
from stanchion.plan.preparing import compile_step, data_step
from stanchion.plan.report_arguments import (
    Compare,
    Dataset,
    Declared,
    Forest,
    Made,
    Model,
    Pair,
    Plot,
    Prior,
    WriteReport,
)
from stanchion.plan.report_arguments import Fit as ReportedFit
from stanchion.plan.reported import ReportedSteps, read_by
from stanchion.plan.sections import intervals_of, posterior_predictive_of, predict_of
from stanchion.stats.conjugate.families import statements

_WHERE_DECLARED = (
    "generate_quantities",
    "predict_outcomes",
    "generate_effects",
    "summarise_effects",
    "rescale_coefficients",
)
"""Steps of a fit that not every fit has."""


def report_step(planner: Planner, name: str, fits: Sequence[Fit]) -> Step:
    """Add the step that writes an analysis' report."""
    analysis = planner.project.analyses[name]
    new = analysis.predict.dataset if analysis.predict is not None else None
    pairs = [(dataset, model) for dataset in analysis.datasets for model in analysis.models]
    steps = ReportedSteps.of(planner, name, fits)
    programs = [planner.project.models[model].program for model in analysis.models]
    return planner.add(
        "write_report",
        {"analysis": name},
        arguments=WriteReport(
            project=planner.project.project,
            analysis=name,
            question=analysis.question,
            seed=planner.project.seed,
            datasets=tuple(_dataset(planner, name, read) for read in read_by(planner, name)),
            models=tuple(_model(planner, model) for model in analysis.models),
            mappings=tuple(mapping_of(planner.project, *pair, new) for pair in pairs),
            pairs=tuple(Pair(dataset=dataset, model=model) for dataset, model in pairs),
            fits=tuple(reported_fit(planner, fit) for fit in fits),
            priors=tuple(_prior(planner, step) for step in steps.priors),
            compare=_compare(analysis),
            predict=predict_of(analysis),
            new_columns=_columns(planner.project.datasets[new]) if new is not None else {},
            posterior_predictive=posterior_predictive_of(analysis),
            intervals=intervals_of(analysis),
            toolchain=planner.facts.toolchain,
            about=dict(planner.project.about or {}),
            plots=tuple(_plot(fit, step) for fit, step in steps.plots),
            forest=_forest(analysis),
            effects=analysis.effects.variable if analysis.effects is not None else None,
            made=tuple(_made(planner, step) for step in steps.tables),
        ),
        inputs={**steps.inputs(), "programs": [path for path in programs if path is not None]},
        upstream=steps.upstream(),
    )


def _dataset(planner: Planner, analysis: str, name: str) -> Dataset:
    declared = planner.project.datasets[name]
    content = dataset_content(declared)
    made = table_step(planner, analysis, name)
    return Dataset(
        name=name,
        path=made.outputs["table"] if made else str(declared.path or declared.url),
        sha256=None if made else planner.facts.files[source_of(declared)],
        declared=Declared(
            columns=_columns(declared),
            missing=content["missing"],
            na=tuple(content["na"]),
            where={column: tuple(values) for column, values in content["where"].items()},
            sort=tuple(content["sort"]),
        ),
    )


def _made(planner: Planner, step: Step) -> Made:
    """Return the table that a step makes, with the files that it is made from."""
    dataset = step.wildcards["dataset"]
    files = planner.project.datasets[dataset].made_from
    return Made(
        dataset=dataset,
        files={
            setting: {path: planner.facts.files[path] for path in paths}
            for setting, paths in files.items()
            if paths
        },
    )


def _columns(declared: DeclaredDataset) -> dict[str, dict[str, Any]]:
    """Return the declared columns of a dataset, with their labels and units."""
    return {name: column.model_dump(mode="json") for name, column in declared.columns.items()}


def _model(planner: Planner, name: str) -> Model:
    declared = planner.project.models[name]
    if declared.conjugate is not None:
        family = declared.conjugate
        stated = tuple(statements(family.row, family.given, family.numbers))
        return Model(name=name, program=None, options={}, statements=stated)
    compiled = planner.compilations.get((name, str(declared.program)))
    options = {} if compiled is None else {**compiled.arguments, **compiled.unkeyed}
    return Model(name=name, program=declared.program, options=options)


def _prior(planner: Planner, step: Step) -> Prior:
    dataset, model = step.wildcards["dataset"], step.wildcards["model"]
    observed = planner.project.analyses[step.wildcards["analysis"]].outcome
    title = title_of(planner.project, dataset, model, observed) if observed is not None else None
    return Prior(dataset=dataset, model=model, keys={step.rule: step.key}, title=title)


def _plot(fit: Fit, step: Step) -> Plot:
    path = f"{fit.dataset}/{fit.model}/{fit.method}"
    return Plot(fit=path, name=step.wildcards["plot"], function=step.arguments["function"])


def _compare(analysis: Analysis) -> Compare | None:
    declared = analysis.compare
    if declared is None:
        return None
    return Compare(by=declared.by, observed=declared.observed)


def _forest(analysis: Analysis) -> Forest | None:
    declared = analysis.forest
    if declared is None:
        return None
    return Forest(order=declared.order, group=declared.group, together=tuple(declared.together))


def reported_fit(planner: Planner, fit: Fit) -> ReportedFit:
    """Return a fit as the report knows it."""
    analysis = planner.project.analyses[fit.analysis]
    method = analysis.methods[fit.method]
    steps = {
        **_compiled(planner, fit),
        **_table(planner, fit),
        "prepare_data": data_step(planner, fit.analysis, fit.dataset, fit.model),
        **_sampling(planner, fit),
        "collect_draws": planner.known(fit, "collect_draws"),
        "diagnose_fit": planner.known(fit, "diagnose_fit"),
    }
    for rule in _WHERE_DECLARED:
        planned = planner.planned(rule, fit.wildcards)
        if planned is not None:
            steps[rule] = planned
    return ReportedFit(
        dataset=fit.dataset,
        model=fit.model,
        method=fit.method,
        chains=method.markov_chains,
        on_fail=on_fail(planner, fit),
        settings=resolved_method(method),
        checks=resolved_checks(analysis, method),
        seed=seed(planner, fit),
        parameters=parameters_of(planner, fit.model),
        keys={rule: step.key for rule, step in steps.items()},
        has_predictive="predict_outcomes" in steps,
        rescaled=rescaled_in(steps.get("rescale_coefficients")),
        is_posterior=method.is_posterior,
        estimate=method.estimate(has_priors=planner.project.models[fit.model].priors is None),
    )


def _table(planner: Planner, fit: Fit) -> dict[str, Step]:
    """Return the step that made the table of a fit's dataset, where a script does."""
    wildcards = {"analysis": fit.analysis, "dataset": fit.dataset}
    step = planner.planned("make_table", wildcards)
    return {} if step is None else {step.rule: step}


def _compiled(planner: Planner, fit: Fit) -> dict[str, Step]:
    """Return the step that compiled a fit's program, where it has run one."""
    method = planner.project.analyses[fit.analysis].methods[fit.method]
    if planner.facts.programs[fit.model].family or method.is_external:
        return {}
    return {"compile_program": compile_step(planner, fit.model)}


def _sampling(planner: Planner, fit: Fit) -> dict[str, Step]:
    """Return the step that a fit's sampling is shown by: its procedure's, or its first chain's."""
    whole = planner.planned("sample_fit", fit.wildcards)
    step = whole or planner.planned("sample_chain", {**fit.wildcards, "chain": "1"})
    return {step.rule: step} if step is not None else {}

"""The steps that fits of one dataset or model share: its data, its compiled program."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from stanchion.config import resolved_compiling
from stanchion.plan.arguments import CompileProgram, Grid, NewRows, PrepareData
from stanchion.plan.builder import Planner
from stanchion.plan.data import applied_to, dataset_content, ingredients, mapping_of
from stanchion.plan.keys import key_of
from stanchion.plan.making import tables_of
from stanchion.plan.model import Fit, Step
from stanchion.stan.blocks import used_before_quantities
from stanchion.stan.program import Program
from stanchion.system.hashes import text_hash

NEW_ROWS = "new"
"""What data are for that hold the new rows of an analysis."""
EFFECTS = "effects"
"""What data are for that hold a grid of effects."""
_CALL = re.compile(r"[A-Za-z]\w*\s*\(")
_STEM = 40
"""Characters of a program's name that the folder of its executable shows."""


def compile_step(planner: Planner, model: str, own_program: str | None = None) -> Step:
    """Return the step that compiles a program with a model's options, planned once for all fits.

    That is the model's, unless a method has one of its own.
    """
    path = own_program or planner.project.models[model].program
    assert path is not None
    if (model, path) not in planner.compilations:
        planner.compilations[model, path] = _compile_step(planner, model, path)
    return planner.compilations[model, path]


def _compile_step(planner: Planner, model: str, path: str) -> Step:
    is_own = path != planner.project.models[model].program
    program = planner.facts.own_programs[path] if is_own else planner.facts.programs[model]
    options = resolved_compiling(planner.project, model)
    options["threads"] = options["threads"] or model in planner.threaded_models
    content: dict[str, Any] = {
        "program": text_hash(program.canonical),
        "compiler": dict(planner.facts.compilers[model]),
    }
    cpu = content["compiler"]["cpu"] if options["native"] else None
    made_of = {"arguments": options, "content": content, "name": "compile_program"}
    return planner.add(
        "compile_program",
        {"program": _program_folder(planner, path, key_of(made_of)[:12])},
        arguments=CompileProgram(
            stanc=options["stanc"],
            cpp=options["cpp"],
            threads=options["threads"],
            native=options["native"],
            program=path,
            cpu=cpu,
        ),
        content=content,
        inputs={"program": path},
    )


def _program_folder(planner: Planner, program: str, short: str) -> str:
    """Return the name of the folder of a compiled program: of equal ones, the first one's."""
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", PurePosixPath(program).stem)[:_STEM]
    return planner.program_folders.setdefault(short, f"{stem}-{short}")


def data_step(planner: Planner, analysis: str, dataset: str, model: str) -> Step:
    """Return the step that makes a program's data of a dataset, planned once for all its fits."""
    wildcards = {"analysis": analysis, "dataset": dataset, "model": model}
    new_rows = new_rows_of(planner, analysis, dataset, model)
    planned = planner.planned("prepare_data", wildcards)
    return planned or _data_step(planner, "prepare_data", wildcards, new_rows)


def whole_data_step(planner: Planner, analysis: str, dataset: str, model: str) -> Step:
    """Return the step that makes a program's data with the new rows that an analysis predicts.

    Where a fit has no data without them, that is the one of the fit.
    """
    new_rows = new_rows_of(planner, analysis, dataset, model)
    if new_rows is None or new_rows.taken:
        return data_step(planner, analysis, dataset, model)
    wildcards = {"analysis": analysis, "dataset": dataset, "model": model, "purpose": NEW_ROWS}
    planned = planner.planned("prepare_quantities_data", wildcards)
    whole = replace(new_rows, taken=True)
    return planned or _data_step(planner, "prepare_quantities_data", wildcards, whole)


def quantities_data_step(planner: Planner, fit: Fit) -> Step:
    """Return the step that makes the data of a fit that takes the draws of another.

    They hold the new rows that its analysis predicts, where its program takes any.
    """
    pair = {"analysis": fit.analysis, "dataset": fit.dataset, "model": fit.model}
    if planner.project.analyses[fit.analysis].methods[fit.method].own_program is None:
        return whole_data_step(planner, **pair)
    predict, new_rows = planner.project.analyses[fit.analysis].predict, None
    if predict is not None:
        mapping = mapping_of(planner.project, fit.dataset, fit.model, predict.dataset)
        variables = applied_to(planner.project, mapping, predict.dataset)
        taken = any(variable.name in variables for variable in planner.program_of(fit).data)
        new_rows = NewRows(dataset=predict.dataset, taken=taken)
    wildcards = {**pair, "purpose": f"for-{fit.method}"}
    return _data_step(planner, "prepare_quantities_data", wildcards, new_rows, fit)


def effects_data_step(planner: Planner, fit: Fit, dataset: str) -> Step:
    """Return the step that makes the data of a fit's program with a grid of effects.

    It stands in for the rows of a dataset. Fits of one program share it.
    """
    analysis = planner.project.analyses[fit.analysis]
    assert analysis.effects is not None
    is_own = analysis.methods[fit.method].own_program is not None
    purpose = f"{EFFECTS}-{fit.method}" if is_own else EFFECTS
    pair = {"analysis": fit.analysis, "dataset": fit.dataset, "model": fit.model}
    wildcards = {**pair, "purpose": purpose}
    grid = Grid(of=tuple(analysis.effects.of), outcome=analysis.outcome)
    new_rows = NewRows(dataset=dataset, taken=False)
    planned = planner.planned("prepare_quantities_data", wildcards)
    return planned or _data_step(
        planner,
        "prepare_quantities_data",
        wildcards,
        new_rows,
        fit if is_own else None,
        grid,
        {column: span.model_dump() for column, span in analysis.effects.over.items()} or None,
    )


def new_rows_of(planner: Planner, analysis: str, dataset: str, model: str) -> NewRows | None:
    """Return the new rows of an analysis, and whether a fit takes them; None where it has none.

    A fit takes none where its generated quantities alone use them: these are drawn afterwards, so
    that another row samples no chain anew, and the fit's first row stands in for them.
    """
    predict = planner.project.analyses[analysis].predict
    if predict is None:
        return None
    program = planner.facts.programs[model]
    has_quantities = bool(program.parameters) and not program.family
    apart = planner.project.datasets[dataset].is_table and has_quantities
    needed = used_in_fit(planner, analysis, dataset, model)
    return NewRows(dataset=predict.dataset, taken=not apart or bool(needed))


def used_in_fit(planner: Planner, analysis: str, dataset: str, model: str) -> list[str]:
    """Return the variables of new rows that a program uses before its generated quantities.

    One with a bound that is computed, as from the last of the fitted rows, may refuse any of these.
    """
    predict, program = planner.project.analyses[analysis].predict, planner.facts.programs[model]
    if predict is None or not program.parameters or program.family:
        return []
    mapping = mapping_of(planner.project, dataset, model, predict.dataset)
    return used_of(program, applied_to(planner.project, mapping, predict.dataset))


def used_of(program: Program, variables: Collection[str]) -> list[str]:
    """Return which of some data a program uses before its generated quantities.

    One with a bound that is computed is among them.
    """
    computed = {
        variable.name
        for variable in program.data
        if variable.name in variables and _CALL.search(f"{variable.lower} {variable.upper}")
    }
    return sorted({*used_before_quantities(program.canonical, frozenset(variables)), *computed})


def _data_step(
    planner: Planner,
    rule: str,
    wildcards: dict[str, str],
    new_rows: NewRows | None,
    fit: Fit | None = None,
    grid: Grid | None = None,
    over: Mapping[str, Mapping[str, Any]] | None = None,
) -> Step:
    """Add the step of the data of a model's program, or of the one that a fit runs."""
    program = planner.facts.programs[wildcards["model"]]
    if fit is not None:
        program = planner.program_of(fit)
    project, dataset, model = planner.project, wildcards["dataset"], wildcards["model"]
    made_of = ingredients(project, dataset, model, new_rows)
    tables = tables_of(planner, wildcards["analysis"], made_of.datasets)
    return planner.add(
        rule,
        wildcards,
        arguments=PrepareData(
            declared={name: dataset_content(read) for name, read in made_of.datasets.items()},
            mapping=made_of.mapping,
            variables=program.data,
            predict=new_rows,
            dataset=dataset,
            program=project.models[model].title if fit is None else program.path,
            updates=made_of.updates,
            is_conjugate=made_of.is_conjugate and fit is None,
            grid=grid,
            over=over,
        ),
        content=tables.content,
        inputs=tables.inputs,
        upstream=tables.upstream,
    )

"""The steps of a fit's conditional effects, and why a program has none."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from stanchion.config import Column, Project
from stanchion.errors import Fault
from stanchion.plan.arguments import SummariseEffects
from stanchion.plan.builder import Planner
from stanchion.plan.data import applied_datasets, applied_to, mapping_of, title_of
from stanchion.plan.fits import on_fail, seed
from stanchion.plan.keys import seed_of
from stanchion.plan.model import Fit, Step
from stanchion.plan.preparing import effects_data_step, used_of
from stanchion.plan.quantities import generate_step
from stanchion.plan.sections import intervals_of
from stanchion.schema.locations import Key, nearest
from stanchion.stan.program import Program, Variable
from stanchion.system.sentences import visible

_WORD = re.compile(r"[A-Za-z]\w*")
_ROWS = "such as `N_new: new.N` and `X_new: new.X`"


def effects_steps(planner: Planner, fit: Fit) -> None:
    """Add the steps of a fit's effects, where they are declared; the last one drops the draws."""
    analysis = planner.project.analyses[fit.analysis]
    if analysis.effects is None:
        return
    because = _why_none(planner, fit)
    diagnosed = planner.known(fit, "diagnose_fit")
    inputs: dict[str, str | list[str]] = {"diagnostics": diagnosed.outputs["diagnostics"]}
    made: list[Step] = []
    if because is None:
        data = _data(planner, fit)
        generated = _generate_step(planner, fit, data)
        inputs |= {"meta": data.outputs["meta"], **generated.outputs}
        made = [data, generated]
    planner.add(
        "summarise_effects",
        fit.wildcards,
        arguments=SummariseEffects(
            variable=analysis.effects.variable,
            intervals=intervals_of(analysis),
            on_fail=on_fail(planner, fit),
            because=because,
            fit=fit.name,
            titles=_titles(planner, fit) or None,
            svg=analysis.has_svg,
        ),
        inputs=inputs,
        upstream=[diagnosed, *made],
        drop=[] if "csv" in analysis.keep else [p for s in made[1:] for p in s.outputs.values()],
    )


def _why_none(planner: Planner, fit: Fit) -> str | None:
    """Return why a fit has no effects whatever its draws; None where it has some."""
    analysis, program = planner.project.analyses[fit.analysis], planner.program_of(fit)
    method, effects = analysis.methods[fit.method], analysis.effects
    assert effects is not None
    if program.family:
        return "a conjugate model has no program that takes new rows"
    if method.is_point:
        return f"{method.method} gives a point"
    if not method.is_posterior:
        return f"{method.method} draws from no posterior"
    if not program.has(effects.variable):
        return f"{program.path} has no `{effects.variable}`"
    return None


def _titles(planner: Planner, fit: Fit) -> dict[str, str]:
    """Return what columns are called as they stand in the file, and a variable named after y."""
    analysis, columns = planner.project.analyses[fit.analysis], _columns(planner, fit)
    assert analysis.effects is not None
    titles = {name: column.title(name) for name, column in columns.items()}
    variable, outcome = analysis.effects.variable, analysis.outcome
    if outcome is not None and variable.startswith(f"{outcome}_"):
        titles[variable] = title_of(planner.project, fit.dataset, fit.model, outcome)
    return {name: visible(title) for name, title in titles.items() if title is not None}


def _columns(planner: Planner, fit: Fit) -> dict[str, Column]:
    """Return the declared columns of the effects, before any transform."""
    effects = planner.project.analyses[fit.analysis].effects
    assert effects is not None
    names = dict.fromkeys(name for effect in effects.of for name in effect.split(":"))
    declared = planner.project.datasets[fit.dataset].columns
    plain = {"transform": None}
    return {n: declared[n].model_copy(update=plain) for n in names if n in declared}


def _data(planner: Planner, fit: Fit) -> Step:
    mapping = mapping_of(planner.project, fit.dataset, fit.model, None)
    (dataset,) = _new_rows(planner.project, fit.analysis, mapping)
    return effects_data_step(planner, fit, dataset)


def _generate_step(planner: Planner, fit: Fit, data: Step) -> Step:
    """Add the step that draws the variable on the grid, at the draws that the fit came to."""
    effects = planner.project.analyses[fit.analysis].effects
    assert effects is not None
    return generate_step(
        planner,
        "generate_effects",
        fit,
        fit,
        data,
        seed=seed_of(seed(planner, fit), "effects"),
        transformed=False,
        variable=effects.variable,
    )


def effects_faults(project: Project, programs: Mapping[str, Program]) -> Iterator[Fault]:
    """Yield a fault for each program that new rows cannot be given to for declared effects."""
    for name, analysis in project.analyses.items():
        if analysis.effects is None:
            continue
        for dataset in analysis.datasets:
            for model in analysis.models:
                if not programs[model].family:
                    yield from _program_faults(project, name, dataset, model, programs[model])


def _program_faults(
    project: Project, name: str, dataset: str, model: str, program: Program
) -> Iterator[Fault]:
    effects, key = project.analyses[name].effects, ("analyses", name, "effects")
    assert effects is not None
    mapping = mapping_of(project, dataset, model, None)
    new = _new_rows(project, name, mapping)
    if not project.datasets[dataset].is_table or not new:
        what = f"model {model!r} is given no new rows by dataset {dataset!r}, which a grid could be"
        todo = f"map some of a table, {_ROWS}, and compute {effects.variable} of them"
        yield project.fault(what, *key, todo=todo)
        return
    if len(new) > 1:
        what = f"dataset {dataset!r} gives model {model!r} rows of several others"
        todo = "name the one that a grid is to stand in for as `predict.dataset`"
        yield project.fault(what, *key, value=", ".join(new), todo=todo)
        return
    variables = applied_to(project, mapping, new[0])
    used = used_of(program, variables)
    if used:
        yield project.fault(
            f"{program.path} uses {', '.join(used)} for more than generated quantities, so that "
            "a fit holds its new rows and no grid can stand in for them",
            *key,
            todo="use new rows in the generated quantities alone",
        )
    yield from _variable_faults(project, program, effects.variable, variables, (*key, "variable"))


def _new_rows(project: Project, name: str, mapping: Mapping[str, object]) -> Sequence[str]:
    """Return the dataset whose rows a grid stands in for, or those between which nothing says."""
    applied, predict = applied_datasets(project, mapping), project.analyses[name].predict
    return [predict.dataset] if predict is not None and predict.dataset in applied else applied


def _variable_faults(
    project: Project, program: Program, name: str, rows: Collection[str], key: Key
) -> Iterator[Fault]:
    """Yield a fault where a program generates no such quantity, or not one a new row."""
    variables = {variable.name: variable for variable in program.generated_quantities}
    of_rows = [v.name for v in variables.values() if _is_of_rows(v, program, rows)]
    if name in of_rows:
        return
    suggestion = nearest(name, of_rows)
    if name not in variables:
        what = f"{program.path} has no {name!r} in its generated quantities"
    else:
        sizes = ", ".join(variables[name].sizes) or "no rows"
        what = f"{name!r} of {program.path} is of {sizes}, and not one number a new row"
    yield project.fault(
        what,
        *key,
        value=name,
        allowed=", ".join(of_rows) or "a generated quantity of the size of the new rows",
        todo=f"write {suggestion}" if suggestion else "declare it, such as `vector[N_new] mu_new`",
    )


def _is_of_rows(variable: Variable, program: Program, rows: Collection[str]) -> bool:
    """Tell whether a quantity may have one number a new row; a computed size is left to the run."""
    if variable.dimensions != 1 or variable.type in ("tuple", "complex"):
        return False
    words = {word for size in variable.sizes for word in _WORD.findall(size)}
    data = {entry.name for entry in program.data}
    return bool(words & set(rows)) or not (words <= data or not words)

"""`stanchion check`: the declaration against its files and programs, without compiling."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from stanchion.config import Analysis, Project, load, load_waivers
from stanchion.datasets import missing_switch
from stanchion.datasets.faults import gathered
from stanchion.errors import DeclarationError, Fault
from stanchion.plan.builder import Planner
from stanchion.plan.facts import gather
from stanchion.plan.model import Plan
from stanchion.plan.planner import make_plan
from stanchion.plan.preparing import used_in_fit
from stanchion.runs.check_data import data_faults
from stanchion.runs.json_output import faults_as_json
from stanchion.runs.scripts import python_faults, table_notes
from stanchion.schema.locations import nearest
from stanchion.stan.program import Program, Variable
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
    faults = gathered([*more, *_program_faults(plan), *data_faults(plan)])
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


def _drawn(program: Program) -> tuple[Variable, ...]:
    return (*program.parameters, *program.transformed_parameters, *program.generated_quantities)

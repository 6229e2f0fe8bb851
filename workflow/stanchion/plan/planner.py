"""config + canonical programs + data hashes + toolchain identity → fits and steps, with keys. Pure.

A step's key is made of its version, its resolved arguments, the content it reads and the keys of
the steps it follows; paths, names of people and the like are arguments that enter no key.
"""

from __future__ import annotations

from collections.abc import Sequence

from stanchion.config import Project
from stanchion.errors import DeclarationError
from stanchion.plan.builder import Planner
from stanchion.plan.effects import effects_faults, effects_steps
from stanchion.plan.fits import is_reference, references_of, sources_of
from stanchion.plan.fitting import fit_steps, prior_step
from stanchion.plan.misfits import misfits
from stanchion.plan.model import Facts, Fit, Plan
from stanchion.plan.original import coefficient_faults
from stanchion.plan.quantities import quantities_steps
from stanchion.plan.reporting import report_step
from stanchion.plan.tables import tables_step
from stanchion.plan.verdicts import answers_step, comparison_step, verdicts_step


def make_plan(project: Project, facts: Facts) -> Plan:
    """Return the plan of a declaration.

    Raises:
        DeclarationError: a method cannot be used with a program that it is declared for, a
            program has no new rows where effects are declared, or coefficients are to be on a scale
            that no program has.
    """
    faults = [
        *misfits(project, facts.programs, facts.own_programs),
        *effects_faults(project, facts.programs),
        *coefficient_faults(project, facts.programs),
    ]
    if faults:
        raise DeclarationError(faults)
    planner = Planner(project, facts)
    fits = [fit for name in project.analyses for fit in _plan_analysis(planner, name)]
    return Plan(project, facts, tuple(fits), planner.steps)


def _plan_analysis(planner: Planner, name: str) -> Sequence[Fit]:
    """Add an analysis' steps, and return its fits in the order of their declaration."""
    analysis = planner.project.analyses[name]
    fits: list[Fit] = []
    for dataset in analysis.datasets:
        for model in analysis.models:
            if analysis.prior_predictive is not None:
                prior_step(planner, name, dataset, model)
            declared = [Fit(name, dataset, model, method) for method in analysis.methods_of(model)]
            for fit in _in_order(planner, declared):
                taken = analysis.methods[fit.method].draws_of is not None
                (quantities_steps if taken else fit_steps)(planner, fit)
                effects_steps(planner, fit)
            fits += declared
    if analysis.compare is not None:
        comparison_step(planner, name, fits)
    if analysis.answers:
        answers_step(planner, name, fits)
    if analysis.tables:
        tables_step(planner, name, fits)
    verdicts_step(planner, name, fits, report_step(planner, name, fits))
    return fits


def _in_order(planner: Planner, fits: Sequence[Fit]) -> list[Fit]:
    """Return fits, each behind those that it reads draws of; else references come first."""
    ordered: dict[Fit, None] = {}

    def add(fit: Fit) -> None:
        for before in (*sources_of(planner, fit), *references_of(planner, fit)):
            if before not in ordered:
                add(before)
        ordered[fit] = None

    for fit in sorted(fits, key=lambda fit: not is_reference(planner, fit)):
        if fit not in ordered:
            add(fit)
    return list(ordered)

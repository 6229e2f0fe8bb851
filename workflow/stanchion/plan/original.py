"""Coefficients on the original scale: which they are, and the step that computes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stanchion.config import Project
from stanchion.errors import Fault
from stanchion.plan.arguments import Coefficients, RescaleCoefficients
from stanchion.plan.builder import Planner
from stanchion.plan.data import mapping_of
from stanchion.plan.fits import on_fail
from stanchion.plan.model import Fit, Step
from stanchion.plan.sections import intervals_of
from stanchion.stan.program import Program

_DESIGN = re.compile(r"\s*design\s*\(")
_FACTOR = r"\b{matrix}(?:\[[^\]]*\])?\s*\*\s*{name}\b"
_PRODUCT = r"\bdot_product\(\s*{matrix}\[[^\]]*\]\s*,\s*{name}\b"
_GLM = r"_glm(?:_lpdf|_lpmf|_lupdf|_lupmf|_rng)?\([^;]*\b{matrix}\s*,[^;]*,\s*{name}\b"


def coefficients(
    project: Project, analysis: str, dataset: str, model: str, program: Program
) -> tuple[Coefficients, ...]:
    """Return the coefficients that an analysis shows on the original scale, by the program.

    These are parameters of one size with the columns of a design or of a list of columns: those
    that are named, else those that the program multiplies by it.
    """
    declared = project.analyses[analysis].original_scale
    if not declared or program.family:
        return ()
    of_size = _candidates(mapping_of(project, dataset, model, None), program)
    if isinstance(declared, list):
        return tuple(c for c in of_size if c.variable in declared)
    return tuple(c for c in of_size if _is_multiplied(c, program.canonical))


def coefficient_faults(project: Project, programs: Mapping[str, Program]) -> Iterator[Fault]:
    """Yield a fault for each analysis whose coefficients no model of it has."""
    for name, analysis in project.analyses.items():
        if not analysis.original_scale:
            continue
        pairs = [(dataset, model) for dataset in analysis.datasets for model in analysis.models]
        shown = {
            coefficient.variable
            for dataset, model in pairs
            for coefficient in coefficients(project, name, dataset, model, programs[model])
        }
        sized = {
            coefficient.variable
            for dataset, model in pairs
            for coefficient in _candidates(
                mapping_of(project, dataset, model, None), programs[model]
            )
        }
        key, allowed = ("analyses", name, "original_scale"), ", ".join(sorted(sized)) or None
        if analysis.original_scale is True and not shown:
            what = "no program of the analysis multiplies a design by parameters of its columns"
            todo = "name them, as in `original_scale: [beta]`" if sized else "remove it"
            yield project.fault(what, *key, allowed=allowed, todo=todo)
        elif isinstance(analysis.original_scale, list):
            for variable in analysis.original_scale:
                if variable not in shown:
                    what = f"{variable!r} is no parameter of a design's columns"
                    yield project.fault(what, *key, value=variable, allowed=allowed)


def rescale_step(planner: Planner, fit: Fit, draws: Step, data: Step, diagnosed: Step) -> None:
    """Add the step of a fit whose coefficients are shown on the original scale, if there are any.

    A point has no draws, and a fit that takes the draws of another no parameters of its own.
    """
    analysis = planner.project.analyses[fit.analysis]
    method, program = analysis.methods[fit.method], planner.facts.programs[fit.model]
    shown = coefficients(planner.project, fit.analysis, fit.dataset, fit.model, program)
    if not shown or method.is_point or method.draws_of is not None:
        return
    planner.add(
        "rescale_coefficients",
        fit.wildcards,
        arguments=RescaleCoefficients(
            method=method.method,
            method_version=method.version,
            settings=method.settings,
            coefficients=shown,
            intervals=intervals_of(analysis),
            on_fail=on_fail(planner, fit),
            fit=fit.name,
        ),
        inputs={
            "draws": draws.outputs["draws"],
            "meta": data.outputs["meta"],
            "diagnostics": diagnosed.outputs["diagnostics"],
        },
        upstream=[draws, data, diagnosed],
    )


def rescaled_in(step: Step | None) -> tuple[Coefficients, ...]:
    """Return the coefficients that a step brings to the original scale; none without a step."""
    entries = step.arguments["coefficients"] if step is not None else ()
    return tuple(Coefficients(**entry) for entry in entries)


def _candidates(mapping: Mapping[str, Any], program: Program) -> list[Coefficients]:
    """Return the parameters of which one dimension is that of a matrix's columns."""
    sizes = {
        variable.sizes[1]: variable.name
        for variable in program.data
        if len(variable.sizes) == 2 and variable.sizes[1] and _is_matrix(mapping.get(variable.name))
    }
    return [
        Coefficients(variable=variable.name, matrix=sizes[axis[0][1]], axis=axis[0][0])
        for variable in (*program.parameters, *program.transformed_parameters)
        if len(axis := [(i, size) for i, size in enumerate(variable.sizes) if size in sizes]) == 1
    ]


def _is_matrix(expression: object) -> bool:
    if isinstance(expression, list):
        return all(isinstance(item, str) for item in expression)
    return isinstance(expression, str) and _DESIGN.match(expression) is not None


def _is_multiplied(coefficient: Coefficients, text: str) -> bool:
    return any(
        re.search(pattern.format(matrix=coefficient.matrix, name=coefficient.variable), text)
        for pattern in (_FACTOR, _PRODUCT, _GLM)
    )

"""What a plan needs of conjugate models: what stands for their program, and their posterior."""

from __future__ import annotations

from stanchion.config import Analysis, Project
from stanchion.plan.arguments import ExactPosterior
from stanchion.stan.program import Program, Variable
from stanchion.stats.conjugate.families import LOG_LIK, LOG_PRIOR, program_of


def family_program(project: Project, model: str) -> Program:
    """Return what a conjugate model has in place of a program."""
    conjugate = project.models[model].conjugate
    assert conjugate is not None
    return program_of(conjugate.row, conjugate.given, predicts=is_predicted(project, model))


def is_predicted(project: Project, model: str) -> bool:
    """Tell whether an analysis predicts new rows by a model."""
    analyses = project.analyses.values()
    return any(analysis.predict is not None and model in analysis.models for analysis in analyses)


def exact_posterior(project: Project, model: str) -> ExactPosterior | None:
    """Return what decides a conjugate model's posterior given its data, None of a program."""
    conjugate = project.models[model].conjugate
    if conjugate is None:
        return None
    return ExactPosterior(family=conjugate.family, prior=conjugate.numbers)


def used_variables(
    program: Program, analysis: Analysis, parameters: tuple[str, ...] | None
) -> dict[str, tuple[Variable, ...]]:
    """Return a family's variables by block, of the quantities those that something uses.

    All of them would take eight bytes a draw and row each.
    """
    checked, predict = analysis.posterior_predictive, analysis.predict
    used = {LOG_PRIOR, *(parameters or ())}
    used |= {LOG_LIK, checked.replicated} if checked is not None else set()
    used |= {LOG_LIK} if analysis.compare is not None else set()
    used |= {predict.variable} if predict is not None else set()
    used |= {name for answer in analysis.declared_answers() for name in answer.names()}
    blocks = program.variables()
    generated = blocks["generated_quantities"]
    return blocks | {"generated_quantities": tuple(v for v in generated if v.name in used)}

"""What `check` says of `answers`: names, labels and shapes against programs and data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stanchion.answers.declared import CLASSES, DeclaredAnswer
from stanchion.answers.kinds import held
from stanchion.answers.variables import UNREADABLE, declared_variables
from stanchion.config import Analysis, Project
from stanchion.draws.naming import Naming
from stanchion.errors import Fault
from stanchion.expressions.arrays import Arrays
from stanchion.expressions.faults import ExpressionError, suggestion
from stanchion.stan.program import Variable
from stanchion.system.sentences import listed


@dataclass(frozen=True)
class Sizes:
    """What a program's data say of sizes and labels: no more of them is kept."""

    data: Mapping[str, Any]
    """None for what is no whole number."""
    meta: Mapping[str, Any]

    @classmethod
    def of(cls, data: Mapping[str, Any], meta: Mapping[str, Any]) -> Sizes:
        """Forget the values."""
        whole = {name: value if type(value) is int else None for name, value in data.items()}
        return cls(whole, {"sizes": meta["sizes"]})


@dataclass(frozen=True)
class FitVariables:
    """The variables of one fit's program, by block and with the sizes that the data give."""

    program: str
    blocks: Mapping[str, Sequence[Variable]]
    sizes: Sizes

    @property
    def known(self) -> frozenset[str]:
        """The names of all variables."""
        return frozenset(variable.name for block in self.blocks.values() for variable in block)

    def scope(self) -> Arrays:
        """Return what expressions may name."""
        return declared_variables(Naming.of(self.blocks, self.sizes.data, self.sizes.meta))


def answer_faults(
    project: Project, name: str, analysis: Analysis, fits: Sequence[FitVariables]
) -> Iterator[Fault]:
    """Yield what is wrong with an analysis' answers.

    A name or a label that only some fits have is answered by these; one that none has is a fault.
    """
    for answer in analysis.declared_answers():
        key = ("analyses", name, "answers", answer.answer)
        if answer.stacked:
            yield from _stacked(project, analysis, answer, fits, key)
        having = [fit for fit in fits if fit.known.issuperset(answer.names())]
        if having:
            errors = [error for fit in having if (error := _error(answer, fit)) is not None]
            if len(errors) == len(having):
                yield _fault(project, answer, errors[0], key)
        elif fits:
            yield _unknown(project, answer, fits, key)


def _error(answer: DeclaredAnswer, fit: FitVariables) -> ExpressionError | None:
    for variable in (variable for block in fit.blocks.values() for variable in block):
        if variable.name in answer.names() and variable.type in UNREADABLE:
            what = f"`{variable.name}` is {variable.type}, which expressions have no values of"
            return ExpressionError(what, todo="give its parts names of their own in the program")
    data = {variable.name for variable in fit.blocks.get("data", ())}
    if drawn := [name for name in answer.names(CLASSES) if name not in data]:
        what = f"`{drawn[0]}` is no data, and rows are scored by classes that were observed"
        return ExpressionError(what, todo="declare the classes in the program's data")
    try:
        held(answer, fit.scope())
    except ExpressionError as error:
        return error
    return None


def _fault(
    project: Project, answer: DeclaredAnswer, error: ExpressionError, key: tuple[str, ...]
) -> Fault:
    at = (*key, answer.kind)
    return project.fault(str(error), *at, allowed=error.allowed, todo=error.todo)


def _unknown(
    project: Project, answer: DeclaredAnswer, fits: Sequence[FitVariables], key: tuple[str, ...]
) -> Fault:
    """Return a fault for the first name that no program has, or that none has with the others."""
    for name in answer.names():
        if not any(name in fit.known for fit in fits):
            names = sorted({known for fit in fits for known in fit.known})
            what = f"no program of this analysis has a variable {name!r}"
            near = suggestion(name, names)
            at = (*key, answer.kind)
            return project.fault(what, *at, value=name, allowed=", ".join(names), todo=near)
    what = f"no program of this analysis has all of {listed(answer.names())}"
    return project.fault(what, *key, answer.kind, todo="ask of variables of one program")


def _stacked(
    project: Project,
    analysis: Analysis,
    answer: DeclaredAnswer,
    fits: Sequence[FitVariables],
    key: tuple[str, ...],
) -> Iterator[Fault]:
    """Only predictions mean the same in every model, and only a comparison gives weights."""
    at = (*key, "stacked")
    if analysis.compare is None:
        what = "models are stacked with the weights of a comparison, and there is none"
        yield project.fault(what, *at, todo="declare `compare: {by: loo}`, or remove `stacked`")
    predicted = [
        section
        for section in (
            analysis.predict.variable if analysis.predict else None,
            analysis.posterior_predictive.replicated if analysis.posterior_predictive else None,
        )
        if section is not None
    ]
    data = {variable.name for fit in fits for variable in fit.blocks.get("data", ())}
    others = [name for name in answer.names() if name not in predicted and name not in data]
    if others:
        yield project.fault(
            f"{others[0]!r} is no prediction: a parameter means another thing in another model",
            *at,
            value=answer.stacked,
            allowed=f"expressions of {listed(predicted)}" if predicted else None,
            todo="remove `stacked`, or ask of what is predicted (`predict`)",
        )
    elif missing := [
        (fit.program, name) for fit in fits for name in answer.names() if name not in fit.known
    ]:
        program, name = missing[0]
        yield project.fault(f"{program} has no {name!r}, and cannot be stacked", *at)

"""The kinds of answers: one row each, with what each asks of its expressions, and who computes it.

It loads nothing that computes, for declarations are held to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stanchion.answers.declared import VOCABULARY, DeclaredAnswer
from stanchion.expressions.check import Kind, Scope, Typed, check
from stanchion.expressions.faults import ExpressionError, at_character
from stanchion.expressions.parser import parse


@dataclass(frozen=True)
class AnswerRow:
    """A row of the catalogue: what an expression must be, in words and by its kind."""

    name: str
    noun: str
    words: str
    allowed: str
    suits: Callable[[Kind], bool]
    compute: str
    """The function of `compute.py` that makes the answer."""
    disagree: Callable[[Mapping[str, Kind]], str | None] = lambda kinds: None
    """Says what is wrong with its expressions together, None where nothing is."""


def held(answer: DeclaredAnswer, scope: Scope) -> dict[str, Typed]:
    """Return an answer's expressions, held to the names of a scope, by choice.

    Raises:
        ExpressionError: a name or a label that is not there, or not what this kind is of.
    """
    row = KINDS[answer.kind]
    expressions = {}
    for choice, source in answer.items():
        expression = check(source, parse(source, VOCABULARY), scope)
        if not row.suits(expression.kind):
            what = f"{row.noun} is of {row.allowed}, and this is {_said(expression.kind)}"
            raise at_character(source, 0, what, row.allowed)
        expressions[choice] = expression
    wrong = row.disagree({choice: typed.kind for choice, typed in expressions.items()})
    if wrong is not None:
        raise ExpressionError(wrong)
    return expressions


def _said(kind: Kind) -> str:
    what = {"condition": "a condition", "text": "a text"}.get(kind.type, "a number")
    return f"{what} by {' × '.join(axis.name for axis in kind.axes)}" if kind.axes else what


def _is_number(kind: Kind) -> bool:
    return kind.type in ("int", "real")


def _unlike_classes(kinds: Mapping[str, Kind]) -> str | None:
    """Say where probabilities and classes are not of the same rows."""
    for name, observed in (("score", "observed"), ("temperature", "temperature observed")):
        if name not in kinds:
            continue
        rows, classes = kinds[name].axes[0], kinds[observed]
        if classes.type == "real" or len(classes.axes) != 1:
            return f"`{observed}` is of whole numbers, one a row, and this is {_said(classes)}"
        sizes = rows.size, classes.axes[0].size
        if None not in sizes and sizes[0] != sizes[1]:
            return f"`{name}` is of {sizes[0]} rows, and `{observed}` of {sizes[1]}"
    return None


_ROWS = (
    AnswerRow(
        name="probability",
        noun="a probability",
        words="how probable a condition is",
        allowed="a condition, such as `mu > 0`",
        suits=lambda kind: kind.type == "condition",
        compute="probability",
    ),
    AnswerRow(
        name="quantity",
        noun="a quantity",
        words="mean and interval of a number",
        allowed="a number, or several",
        suits=_is_number,
        compute="quantity",
    ),
    AnswerRow(
        name="argmax",
        noun="an argmax",
        words="which element is the largest, and how probably",
        allowed="several numbers, such as a vector",
        suits=lambda kind: _is_number(kind) and bool(kind.axes),
        compute="argmax",
    ),
    AnswerRow(
        name="decide",
        noun="a decision",
        words="which choice has the largest expected utility",
        allowed="one number, the utility of a choice",
        suits=lambda kind: _is_number(kind) and not kind.axes,
        compute="decide",
    ),
    AnswerRow(
        name="score",
        noun="a score",
        words="how good probabilities of classes are, for rows whose class is known",
        allowed="probabilities by row, or by row and class",
        suits=lambda kind: kind.type != "text" and len(kind.axes) in (1, 2),
        compute="score",
        disagree=_unlike_classes,
    ),
)
KINDS: Mapping[str, AnswerRow] = {row.name: row for row in _ROWS}
"""The kinds of answers by their key in the declaration."""

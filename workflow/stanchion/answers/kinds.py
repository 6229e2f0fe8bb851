"""The kinds of answers: one row each, with what each asks of its expressions, and who computes it.

It loads nothing that computes, for declarations are held to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stanchion.answers.declared import VOCABULARY, DeclaredAnswer
from stanchion.expressions.check import Kind, Scope, Typed, check
from stanchion.expressions.faults import at_character
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
    return expressions


def _said(kind: Kind) -> str:
    what = {"condition": "a condition", "text": "a text"}.get(kind.type, "a number")
    return f"{what} by {' × '.join(axis.name for axis in kind.axes)}" if kind.axes else what


def _is_number(kind: Kind) -> bool:
    return kind.type in ("int", "real")


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
)
KINDS: Mapping[str, AnswerRow] = {row.name: row for row in _ROWS}
"""The kinds of answers by their key in the declaration."""

"""The tree of an expression. Each node knows from which character to which it was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Span = tuple[int, int]
"""The first character, from 0, and the one after the last."""
Operator = Literal["+", "-", "*", "/", "^", "<", "<=", ">", ">=", "==", "!=", "and", "or"]


@dataclass(frozen=True)
class Number:
    """A number as written: int or float."""

    value: int | float
    span: Span = field(default=(0, 0), compare=False)


@dataclass(frozen=True)
class Text:
    """A text in quotes."""

    value: str
    span: Span = field(default=(0, 0), compare=False)


@dataclass(frozen=True)
class Name:
    """A name, and the labels in brackets behind it: a text, or a position from 1."""

    name: str
    labels: tuple[str | int, ...] = ()
    span: Span = field(default=(0, 0), compare=False)


@dataclass(frozen=True)
class Unary:
    """`-x`, `+x` or `not x`."""

    operator: Literal["-", "+", "not"]
    operand: Node
    span: Span = field(default=(0, 0), compare=False)


@dataclass(frozen=True)
class Binary:
    """Two sides and what is between them."""

    operator: Operator
    left: Node
    right: Node
    span: Span = field(default=(0, 0), compare=False)


@dataclass(frozen=True)
class Call:
    """A function, `dataset.function` where it is of another dataset, and its arguments."""

    function: str
    arguments: tuple[Node, ...]
    span: Span = field(default=(0, 0), compare=False)


Node = Number | Text | Name | Unary | Binary | Call


def parts(node: Node) -> tuple[Node, ...]:
    """Return the nodes that a node is made of."""
    match node:
        case Unary(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Call(arguments=arguments):
            return arguments
    return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, from left to right."""
    pending = [node]
    while pending:
        yield (current := pending.pop())
        pending.extend(reversed(parts(current)))

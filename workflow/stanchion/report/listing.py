"""A Stan program as it is shown: comments, strings, types, and the statements that set densities.

Prior and likelihood stand in the model block as `x ~ …`, `target += …` or a call of a density, and
in transformed parameters as such calls (`lprior += …`); such a statement is marked as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/|/\*.*\Z)
    |(?P<string>"[^"\n]*")
    |(?P<include>\#include[^\n]*)
    |(?P<block>\b(?:functions|data|transformed\s+data|parameters|transformed\s+parameters|model
        |generated\s+quantities)\b(?=\s*\{))
    |(?P<type>\b(?:int|real|complex|array|tuple|void|simplex|ordered|positive_ordered|unit_vector
        |(?:complex_)?(?:row_)?vector|(?:complex_)?matrix|(?:corr|cov)_matrix
        |cholesky_factor_(?:corr|cov)|sum_to_zero_(?:vector|matrix)
        |stochastic_(?:row|column)_matrix)\b)
    |(?P<keyword>\b(?:for|in|while|if|else|break|continue|return|profile|print|reject|fatal_error
        |target|lower|upper|offset|multiplier|jacobian)\b)
    |(?P<other>\w+|\s+|[^\s\w"/\#]+|.)""",
    re.VERBOSE | re.DOTALL,
)
_DENSITY = re.compile(r"~|\b(?:target|jacobian)\s*\+=|\w_(?:lpdf|lpmf|lupdf|lupmf)\b")
_BLOCKS = ("transformed parameters", "model")
_STATEMENT_ENDS = re.compile(r"[;{}]")


@dataclass(frozen=True)
class Token:
    """A piece of the program and what it is."""

    kind: str
    text: str


@dataclass(frozen=True)
class CodeLine:
    """A line, and whether it belongs to a statement that sets a density."""

    tokens: tuple[Token, ...]
    density: bool


def listing(program: str) -> tuple[CodeLine, ...]:
    """Return a program's lines."""
    tokens = list(_tokens(program))
    densities = _density_lines(tokens)
    lines: list[list[Token]] = [[]]
    for token in tokens:
        for number, part in enumerate(token.text.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append(Token(token.kind, part))
    while lines and not lines[-1]:
        lines.pop()
    return tuple(CodeLine(tuple(line), number in densities) for number, line in enumerate(lines))


def _tokens(program: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(program.replace("\r\n", "\n").expandtabs(2)):
        yield Token(str(match.lastgroup), match.group())


def _density_lines(tokens: list[Token]) -> set[int]:
    """Return the lines, from 0, of the statements that set a density."""
    numbers: set[int] = set()
    line, depth, sets_densities = 0, 0, False
    statement, begun = "", 0
    for token in tokens:
        if token.kind == "block" and depth == 0:
            sets_densities = " ".join(token.text.split()) in _BLOCKS
        code = "" if token.kind in ("comment", "string", "block") else token.text
        for part in re.split(r"(\n|[;{}])", code):
            if part == "\n":
                line += 1
            if _STATEMENT_ENDS.fullmatch(part):
                depth += {"{": 1, "}": -1}.get(part, 0)
                if sets_densities and part == ";" and _DENSITY.search(statement):
                    numbers.update(range(begun, line + 1))
                statement = ""
            elif part.strip() and not statement:
                statement, begun = part, line
            elif statement:
                statement += part
        if not code:
            line += token.text.count("\n")
    return numbers

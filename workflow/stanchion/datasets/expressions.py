"""What stands right of a Stan variable in `stan:`, as a small tree.

age                          a column
[age, height]                a matrix of columns
3 · [1, 2] · [[1, 0], …]     a constant
nrow() · nlevels(c)          how many rows, how many levels
ncol(X)                      how many columns the Stan variable X has
index(c)                     which level, from 1
design("~ x + z")            a design matrix
counties.uranium(county)     one value a level of county, from dataset counties
new.X · new.nrow()           this mapping's X, or an expression, for the rows of dataset new
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from stanchion.datasets.faults import ExpressionError, suggestion
from stanchion.datasets.formulas import formula_columns
from stanchion.datasets.values import parse_number
from stanchion.schema.references import FUNCTIONS

SIGNATURES = {
    "nrow": "nrow()",
    "ncol": "ncol(X)",
    "nlevels": "nlevels(column)",
    "index": "index(column)",
    "design": 'design("~ formula")',
}
_TOKEN = re.compile(
    r"""\s*(?:(?P<word>[^\s()\[\],"'`]+)|(?P<text>"[^"]*"|'[^']*'|`[^`]*`)|(?P<mark>\S))"""
)


@dataclass(frozen=True)
class Constant:
    """A number, or a nested list of numbers."""

    value: object


@dataclass(frozen=True)
class Column:
    """A column of numbers."""

    name: str


@dataclass(frozen=True)
class Columns:
    """Several columns of numbers, side by side."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class RowCount:
    """How many rows there are."""


@dataclass(frozen=True)
class ColumnCount:
    """How many columns a Stan variable of this mapping has."""

    variable: str


@dataclass(frozen=True)
class LevelCount:
    """How many levels a column has."""

    column: str


@dataclass(frozen=True)
class Index:
    """Each row's level, counted from 1."""

    column: str


@dataclass(frozen=True)
class DesignMatrix:
    """The design matrix of a formula."""

    formula: str


@dataclass(frozen=True)
class Lookup:
    """One value of another dataset's column for each level of `by`."""

    dataset: str
    column: str
    by: str


@dataclass(frozen=True)
class Applied:
    """An expression, or a Stan variable of this mapping, for the rows of another dataset."""

    dataset: str
    of: Expression | str


Expression = (
    Constant
    | Column
    | Columns
    | RowCount
    | ColumnCount
    | LevelCount
    | Index
    | DesignMatrix
    | Lookup
    | Applied
)


@dataclass(frozen=True)
class Names:
    """The names that an expression may use: the table's columns and the other datasets."""

    columns: Collection[str]
    datasets: Collection[str]


def parse(declared: object, names: Names) -> Expression:
    """Return the expression that a value of `stan:` stands for.

    Raises:
        ExpressionError: it is no expression; the message says at which character.
    """
    if isinstance(declared, str):
        return Column(declared) if declared in names.columns else _Parser(declared, names).parse()
    if isinstance(declared, list):
        return _parse_list(declared, names)
    return Constant(declared)


def _parse_list(declared: list[object], names: Names) -> Expression:
    texts = [str(item) for item in declared if isinstance(item, str)]
    if texts and len(texts) == len(declared) and not all(_is_number(text, names) for text in texts):
        return Columns(tuple(texts))
    return Constant(_constant(declared, names))


def _constant(declared: object, names: Names) -> object:
    if isinstance(declared, list):
        return [_constant(item, names) for item in declared]
    if not isinstance(declared, str):
        return declared
    if not _is_number(declared, names):
        raise ExpressionError(
            f"a list of numbers holds {declared!r}", "a list of numbers, or a list of columns"
        )
    return parse_number(declared)


def _is_number(text: str, names: Names) -> bool:
    """Whether a text is a number: YAML reads `1e-3` as one, and leaves it a text."""
    try:
        parse_number(text)
    except ValueError:
        return False
    return text not in names.columns


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


class _Parser:
    """Reads one expression from left to right."""

    def __init__(self, source: str, names: Names) -> None:
        self.source = source
        self.names = names
        self.tokens = list(_tokens(source))
        self.next = 0

    def parse(self) -> Expression:
        word = self._take("word", "a column, a number or a function")
        called = self._peek().text == "("
        result = self._call(word) if called else self._reference(word)
        self._take("end", "nothing more")
        return result

    def _reference(self, word: _Token) -> Expression:
        if _is_number(word.text, self.names):
            return Constant(parse_number(word.text))
        dataset, variable = self._dotted(word.text)
        return Applied(dataset, variable) if dataset else Column(word.text)

    def _call(self, word: _Token) -> Expression:
        arguments = self._arguments()
        if word.text in SIGNATURES:
            return self._function(word.text, arguments, word)
        dataset, name = self._dotted(word.text)
        if dataset and name in FUNCTIONS:
            return Applied(dataset, self._function(name, arguments, word))
        if dataset:
            by = self._argument(arguments, word, f"{word.text}(column)")
            return Lookup(dataset, name, by)
        raise ExpressionError(
            f"`{self.source}`: there is no function `{word.text}`",
            ", ".join([*SIGNATURES.values(), "dataset.column(column)"]),
            suggestion(word.text.partition(".")[0], [*SIGNATURES, *self.names.datasets]),
        )

    def _function(self, name: str, arguments: Sequence[_Token], word: _Token) -> Expression:
        if name == "nrow":
            if arguments:
                self._wrong(arguments[0], "nrow() without an argument")
            return RowCount()
        only = self._argument(arguments, word, SIGNATURES[name])
        counting: dict[str, Callable[[str], Expression]] = {
            "ncol": ColumnCount,
            "nlevels": LevelCount,
            "index": Index,
            "design": _design,
        }
        return counting[name](only)

    def _arguments(self) -> list[_Token]:
        self._take("mark", "(")
        arguments: list[_Token] = []
        while self._peek().text != ")":
            if arguments:
                self._take("mark", ",", only=",")
            if self._peek().kind not in ("word", "text"):
                self._wrong(self._peek(), "a name, a quoted text or `)`")
            arguments.append(self._advance())
        self._advance()
        return arguments

    def _argument(self, arguments: Sequence[_Token], word: _Token, signature: str) -> str:
        if len(arguments) != 1:
            self._wrong(word, signature, f"{len(arguments)} arguments")
        token = arguments[0]
        return token.text if token.kind == "word" else token.text[1:-1]

    def _dotted(self, text: str) -> tuple[str, str]:
        dataset, dot, name = text.partition(".")
        return (dataset, name) if dot and name and dataset in self.names.datasets else ("", text)

    def _peek(self) -> _Token:
        return self.tokens[self.next]

    def _advance(self) -> _Token:
        self.next += 1
        return self.tokens[self.next - 1]

    def _take(self, kind: str, expected: str, only: str | None = None) -> _Token:
        token = self._peek()
        if token.kind != kind or only not in (None, token.text):
            self._wrong(token, f"`{only}`" if only else expected)
        return self._advance()

    def _wrong(self, token: _Token, expected: str, met: str | None = None) -> NoReturn:
        met = met or (f"`{token.text}`" if token.text else "the end")
        shown = self.source if len(self.source) <= 100 else f"{self.source[:100]}…"
        raise ExpressionError(f"`{shown}`: {met} at character {token.at}", expected)


def _design(formula: str) -> DesignMatrix:
    formula_columns(formula)
    return DesignMatrix(formula)


def _tokens(source: str) -> Iterator[_Token]:
    """Yield the tokens of an expression, characters counted from 1, and one for its end."""
    for match in _TOKEN.finditer(source):
        kind = str(match.lastgroup)
        yield _Token(kind, match[kind], match.start(kind) + 1)
    yield _Token("end", "", len(source) + 1)

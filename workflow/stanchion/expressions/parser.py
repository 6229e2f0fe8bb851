"""From the text of an expression to its tree, by precedence climbing: one look at each token.

From loose to tight: `or`; `and`; `not`; a comparison, of which one may stand; `+ -`; `* /`; the
sign; `^`, which is read from the right. So -2^2 is -4, and 2^-1 is a half.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from stanchion.expressions.catalogue import FUNCTIONS, Function, Parameter
from stanchion.expressions.faults import at_character, suggestion
from stanchion.expressions.tokens import ELEMENTS, HINTS, Token, tokens
from stanchion.expressions.tree import Binary, Call, Name, Node, Number, Span, Text, Unary
from stanchion.schema import references

MOST_NESTED = 50
"""Brackets, signs and calls within one another."""
MOST_OPERATIONS = 100
"""Operations and calls of one expression."""
LARGEST_INTEGER = 2**53
"""Up to here every integer is a double."""

_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_NOT, _COMPARISON, _SIGN, _POWER = 3, 4, 7, 8
_BINDING = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(_COMPARISONS, _COMPARISON),
    **dict.fromkeys("+-", 5),
    **dict.fromkeys("*/", 6),
    "^": _POWER,
}
_WORD = re.compile(r"""[^\s()\[\],"'`]+""")
_OPERAND = "a number, a name, a text in quotes, a function or `(`"


@dataclass(frozen=True)
class Vocabulary:
    """What may be named: functions, and datasets before a dot.

    `names` are known ones that, however odd, need no quotes where a function takes one name.
    """

    functions: Mapping[str, Function]
    names: Collection[str] = ()
    datasets: Collection[str] = ()


EVERYTHING = Vocabulary(FUNCTIONS)


def parse(source: str, vocabulary: Vocabulary = EVERYTHING) -> Node:
    """Return the tree of an expression.

    Raises:
        ExpressionError: it is none; the message says at which character.
    """
    return _Parser(source, vocabulary).parse()


class _Parser:
    def __init__(self, source: str, vocabulary: Vocabulary) -> None:
        self.source = source
        self.vocabulary = vocabulary
        self.tokens = list(tokens(source, vocabulary.datasets))
        self.next = 0
        self.nested = 0
        self.operations = 0

    def parse(self) -> Node:
        node = self._expression(0)
        if self._peek().kind != "end":
            self._wrong(self._peek(), "an operator, or nothing more")
        return node

    def _expression(self, least: int) -> Node:
        """Read what binds at least as tightly as this."""
        self.nested += 1
        if self.nested > MOST_NESTED:
            what = f"more than {MOST_NESTED} brackets, signs and calls within one another"
            raise at_character(self.source, self._peek().span[0], what)
        left = self._operand(least)
        while (binding := self._binding()) is not None and binding >= least:
            token = self._advance()
            self._count(token)
            right = self._expression(binding if token.text == "^" else binding + 1)
            span = (left.span[0], right.span[1])
            left = Binary(token.text, left, right, span)  # type: ignore[arg-type]
            if binding == _COMPARISON and self._binding() == _COMPARISON:
                self._wrong(
                    self._peek(),
                    "one comparison at a time",
                    todo="write `a < b and b < c` for `a < b < c`",
                )
        self.nested -= 1
        return left

    def _binding(self) -> int | None:
        token = self._peek()
        return _BINDING.get(token.text) if token.kind == "mark" else None

    def _operand(self, least: int) -> Node:
        token = self._advance()
        match token.kind, token.text:
            case "number", _:
                return self._number(token)
            case "text", _:
                return Text(token.word, token.span)
            case "name" | "quoted", _:
                called = token.kind == "name" and self._peek().text == "("
                return self._call(token) if called else self._name(token)
            case "mark", "-" | "+" | "not":
                return self._signed(token, least)
            case "mark", "(":
                node = self._expression(0)
                return replace(node, span=(token.span[0], self._take(")").span[1]))
        todo = "write `^` for a power" if self._is_double_star() else None
        self._wrong(token, _OPERAND, todo=todo)

    def _signed(self, token: Token, least: int) -> Node:
        self._count(token)
        if token.text == "not" and least > _NOT:
            self._wrong(token, _OPERAND, todo="put `not …` in brackets")
        operand = self._expression(_NOT if token.text == "not" else _SIGN)
        return Unary(token.text, operand, (token.span[0], operand.span[1]))  # type: ignore[arg-type]

    def _is_double_star(self) -> bool:
        marks = [token.text for token in self.tokens[max(self.next - 2, 0) : self.next]]
        return marks == ["*", "*"]

    def _number(self, token: Token) -> Number:
        following = self._peek()
        if following.kind in ("name", "number") and following.span[0] == token.span[1]:
            self._wrong(following, f"an operator after `{token.text}`")
        value = int(token.text) if token.text.isdecimal() and len(token.text) < 20 else None
        number = float(token.text) if value is None else value
        if not math.isfinite(number) or (value or 0) > LARGEST_INTEGER:
            allowed = "finite numbers, whole ones up to 2⁵³; write `1e20` for a larger one"
            self._wrong(token, allowed, f"`{token.text[:30]}`")
        return Number(number, token.span)

    def _name(self, token: Token) -> Name:
        if not token.word.strip():
            self._wrong(token, "a name between the backquotes")
        labels: list[str | int] = []
        end = token.span[1]
        if self._peek().text == "[":
            self._advance()
            labels.append(self._label())
            while self._peek().text == ",":
                self._advance()
                labels.append(self._label())
            end = self._take("]").span[1]
        return Name(token.word, tuple(labels), (token.span[0], end))

    def _label(self) -> str | int:
        token = self._advance()
        if token.kind == "text":
            return token.word
        if token.kind == "number" and token.text.isdecimal() and len(token.text) < 10:
            return int(token.text)
        self._wrong(token, "a label in quotes, or a position from 1")

    def _call(self, word: Token) -> Call:
        parameters = self._parameters(word)
        self._count(word)
        self._take("(")
        arguments: list[Node] = []
        while self._peek().text != ")":
            if arguments and self._peek().text != ",":
                self._wrong(self._peek(), "`)`" if len(arguments) >= len(parameters) else "`,`")
            if arguments:
                self._advance()
            if not parameters:
                self._wrong(self._peek(), f"{word.text}() without an argument")
            position = min(len(arguments), len(parameters) - 1)
            arguments.append(self._argument(parameters[position]))
        end = self._advance().span[1]
        if len(arguments) != len(parameters):
            what = f"{len(arguments)} argument{'' if len(arguments) == 1 else 's'}"
            self._wrong(word, self._signature(word, parameters), what)
        return Call(word.text, tuple(arguments), (word.span[0], end))

    def _parameters(self, word: Token) -> tuple[Parameter, ...]:
        function = self.vocabulary.functions.get(word.text)
        if function is not None:
            return function.parameters
        dataset, _, name = word.text.partition(".")
        if name and dataset in self.vocabulary.datasets:
            applied = name in references.FUNCTIONS
            return FUNCTIONS[name].parameters if applied else (Parameter("column", "name"),)
        known = [*self.vocabulary.functions, *self.vocabulary.datasets]
        allowed = ", ".join(row.signature for row in self.vocabulary.functions.values())
        dotted = ", dataset.column(column)" if self.vocabulary.datasets else ""
        near = suggestion(word.text.partition(".")[0], known)
        what = f"there is no function `{word.text}`"
        raise at_character(self.source, word.span[0], what, allowed + dotted, near)

    def _signature(self, word: Token, parameters: Sequence[Parameter]) -> str:
        return f"{word.text}({', '.join(parameter.name for parameter in parameters)})"

    def _argument(self, parameter: Parameter) -> Node:
        if parameter.takes == "name":
            return self._only_name()
        if parameter.takes == "text":
            return self._text()
        return self._expression(0)

    def _text(self) -> Text:
        """Read a text, in quotes where it holds a blank, a bracket, a comma or quotes."""
        token = self._peek()
        word = _WORD.match(self.source, token.span[0])
        if word is not None:
            return Text(word[0], self._skip(word[0]))
        if token.kind not in ("text", "quoted"):
            self._wrong(token, "a text in quotes")
        self._advance()
        return Text(token.word, token.span)

    def _skip(self, text: str) -> Span:
        """Go past what starts here, whichever tokens it is made of."""
        start = self._peek().span[0]
        while self._peek().span[0] < start + len(text):
            self._advance()
        return (start, start + len(text))

    def _only_name(self) -> Name:
        """Read a name: a known one as it stands, however odd, else one token, quoted or not."""
        start = self._peek().span[0]
        whole = re.split(r"[,()]", self.source[start:], maxsplit=1)[0].strip()
        if whole in self.vocabulary.names:
            return Name(whole, (), self._skip(whole))
        token = self._advance()
        if token.kind not in ("name", "quoted", "text") or not token.word.strip():
            self._wrong(token, "a name, or a name in quotes")
        return Name(token.word, (), token.span)

    def _count(self, token: Token) -> None:
        self.operations += 1
        if self.operations > MOST_OPERATIONS:
            what = f"more than {MOST_OPERATIONS} operations and calls"
            raise at_character(self.source, token.span[0], what)

    def _peek(self) -> Token:
        return self.tokens[self.next]

    def _advance(self) -> Token:
        token = self.tokens[self.next]
        self.next += token.kind != "end"
        return token

    def _take(self, mark: str) -> Token:
        token = self._peek()
        if token.text != mark:
            self._wrong(token, f"`{mark}`")
        return self._advance()

    def _wrong(
        self, token: Token, allowed: str, what: str | None = None, todo: str | None = None
    ) -> NoReturn:
        shown = f"{token.text[:30]}…" if len(token.text) > 30 else token.text
        what = what or (f"`{shown}`" if shown else "the end")
        if token.kind == "other":
            allowed, todo = ELEMENTS, HINTS.get(token.text)
        raise at_character(self.source, token.span[0], what, allowed, todo)


def written(source: str, node: Node) -> str:
    """Return a part of an expression as it was written, on one line."""
    text = " ".join(source[slice(*node.span)].split())
    return text if len(text) <= 60 else f"{text[:60]}…"

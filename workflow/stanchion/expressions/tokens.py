"""The tokens of an expression."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache

from stanchion.expressions.faults import at_character
from stanchion.expressions.tree import Span

MOST_CHARACTERS = 20_000
"""Of one expression, a formula in it included."""
WORDS = frozenset({"and", "or", "not"})
ELEMENTS = "numbers, names, texts in quotes, + - * / ^, comparisons, and, or, not, ( ) [ ] and ,"
HINTS = {
    "=": "write `==` to compare",
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`, or `!=`",
    "'": "close the quotes",
    '"': "close the quotes",
    "`": "close the backquotes",
    ":": "name elements one by one: there are no ranges",
}
_NAME = r"[^\W\d]\w*(?:\.\w+)*"


@dataclass(frozen=True)
class Token:
    """A number, name, quoted name, text, mark or the end; `word` is it without its quotes."""

    kind: str
    text: str
    span: Span

    @property
    def word(self) -> str:
        """The token without quotes."""
        return self.text[1:-1] if self.kind in ("text", "quoted") else self.text


def tokens(source: str, datasets: Collection[str] = ()) -> Iterator[Token]:
    """Yield the tokens of an expression, and one for its end.

    `datasets` are names that may hold a hyphen before a dot, as in `new-rows.X`.

    A character that begins none is one of kind `other`.

    Raises:
        ExpressionError: there are too many characters.
    """
    if len(source) > MOST_CHARACTERS:
        what = f"it has {len(source)} characters, one too many"
        raise at_character(source, MOST_CHARACTERS, what, f"at most {MOST_CHARACTERS}")
    pattern = _pattern(frozenset(name for name in datasets if "-" in name))
    position = 0
    while position < len(source):
        match = pattern.match(source, position)
        if match is None:
            position += 1
            yield Token("other", source[position - 1], (position - 1, position))
            continue
        kind, position = str(match.lastgroup), match.end()
        if kind != "blank":
            yield Token(_kind(kind, match[0]), match[0], match.span())
    yield Token("end", "", (len(source), len(source)))


def _kind(kind: str, text: str) -> str:
    return "mark" if text in WORDS else kind


@cache
def _pattern(hyphenated: frozenset[str]) -> re.Pattern[str]:
    names = [*sorted(map(re.escape, hyphenated), key=len, reverse=True)]
    dotted = [rf"(?:{'|'.join(names)})\.\w+"] if names else []
    return re.compile(
        rf"""(?P<blank>\s+)
        |(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
        |(?P<name>{"|".join([*dotted, _NAME])})
        |(?P<text>"[^"]*"|'[^']*')
        |(?P<quoted>`[^`]*`)
        |(?P<mark><=|>=|==|!=|[-+*/^<>()\[\],])""",
        re.VERBOSE,
    )

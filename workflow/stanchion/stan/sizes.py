"""What a program's canonical text (no comments, tidy blocks) declares: kinds and sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLOCK = re.compile(
    r"^(?:data|parameters|transformed parameters|generated quantities) \{\n(.*?)^\}",
    re.MULTILINE | re.DOTALL,
)
_STRING = re.compile(r'"[^"\n]*"')
_WORD = re.compile(r"[A-Za-z]\w*")
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True)
class Declaration:
    """A declared variable: Stan's type without arrays (`cholesky_factor_corr`), sizes, bounds."""

    kind: str
    sizes: tuple[str, ...]
    lower: str = ""
    upper: str = ""


def declarations(canonical: str) -> dict[str, Declaration]:
    """Return every top-level declaration by name; size expressions in order, arrays' first."""
    declared: dict[str, Declaration] = {}
    for block in _BLOCK.findall(_STRING.sub('""', canonical)):
        for statement in _split(block, ";"):
            declared.update(_declaration(statement.strip()))
    return declared


def statements(block: str) -> Iterator[str]:
    """Yield the top-level statements of a block's text; a loop with its body is one."""
    return _split(block, ";")


def _declaration(statement: str) -> dict[str, Declaration]:
    """Parse `array[…] type<…>[…] name = …, name`; anything else gives nothing."""
    rest, sizes, bounds = statement, [], {}
    if re.match(r"array\s*\[", rest):
        inside, rest = _bracketed(rest[rest.index("[") :])
        sizes += _expressions(inside)
    kind = _WORD.match(rest)
    if kind is None:
        return {}
    rest = rest[kind.end() :].lstrip()
    if kind[0] == "tuple":
        _, rest = _bracketed(rest)
    if rest.startswith("<"):
        end = _end_of_bounds(rest)
        bounds, rest = _bounds(rest[1 : end - 1]), rest[end:].lstrip()
    if rest.startswith("["):
        inside, rest = _bracketed(rest)
        sizes += _expressions(inside)
    names = [_WORD.match(part.strip()) for part in _split(rest, ",", blocks=False)]
    first = names[0] if names else None
    if first is None or not re.match(r"\w+\s*(=(?!=)|,|$)", rest):
        return {}
    declared = Declaration(kind[0], tuple(sizes), **bounds)
    return {name[0]: declared for name in names if name is not None}


def _bounds(inside: str) -> dict[str, str]:
    """Return `lower` and `upper` of what stands in `<…>`; offset and multiplier are no bounds."""
    named = (part.partition("=") for part in _split(inside, ",", blocks=False))
    bounds = {name.strip(): " ".join(bound.split()) for name, _, bound in named}
    return {name: bounds[name] for name in ("lower", "upper") if name in bounds}


def _expressions(inside: str) -> list[str]:
    return [" ".join(part.split()) for part in _split(inside, ",", blocks=False)]


def _bracketed(text: str) -> tuple[str, str]:
    """Return what stands within the bracket that opens the text, and what follows it."""
    depth = 0
    for index, sign in enumerate(text):
        depth += (sign in _OPEN) - (sign in _CLOSE)
        if depth == 0:
            return text[1:index], text[index + 1 :].lstrip()
    return text[1:], ""


def _end_of_bounds(text: str) -> int:
    """Return where `<lower=…, upper=…>` ends: Stan allows a bare `>` in it only in brackets."""
    depth = 0
    for index, sign in enumerate(text):
        depth += (sign in _OPEN) - (sign in _CLOSE)
        if sign == ">" and depth == 0:
            return index + 1
    return len(text)


def _split(text: str, separator: str, *, blocks: bool = True) -> Iterator[str]:
    """Split at a separator outside brackets; with `blocks`, a closed `{…}` ends a part too."""
    depth, begin = 0, 0
    for index, sign in enumerate(text):
        depth += (sign in _OPEN) - (sign in _CLOSE)
        if depth == 0 and (sign == separator or (blocks and sign == "}")):
            yield text[begin:index]
            begin = index + 1
    if text[begin:].strip():
        yield text[begin:]

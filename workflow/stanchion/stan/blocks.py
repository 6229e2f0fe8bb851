"""Which data a program's canonical text uses before its generated quantities."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache

from stanchion.stan.sizes import declarations, statements

_BLOCK = re.compile(r"^([a-z ]+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_STRING = re.compile(r'"[^"\n]*"')
_WORD = re.compile(r"[A-Za-z]\w*")
_BEFORE_QUANTITIES = ("parameters", "transformed parameters", "model")


@cache
def used_before_quantities(canonical: str, data: frozenset[str]) -> tuple[str, ...]:
    """Return which of these data the parameters, transformed parameters or the model use.

    Transformed data that are made of them stand for them. A name counts wherever it stands, so that
    what is not returned is not used.
    """
    blocks = dict(_BLOCK.findall(_STRING.sub('""', canonical)))
    derived = set(data)
    transformed = list(statements(blocks.get("transformed data", "")))
    names = set(declarations(f"data {{\n{blocks.get('transformed data', '')}}}"))
    while more := {n for text in transformed for n in _made_of(text, names, derived)} - derived:
        derived |= more
    words = {word for block in _BEFORE_QUANTITIES for word in _WORD.findall(blocks.get(block, ""))}
    return tuple(sorted(words & derived))


def _made_of(statement: str, names: Collection[str], data: Collection[str]) -> Iterator[str]:
    """Yield the variables that a statement with one of these data declares or assigns."""
    words = set(_WORD.findall(statement))
    if words.isdisjoint(data):
        return
    declared = declarations(f"data {{\n{statement};\n}}")
    for name in words.intersection(names):
        assigned = re.search(rf"\b{name}\b\s*(\[[^;]*?\])*\s*[-+*/.]*=(?!=)", statement)
        if name in declared or assigned:
            yield name

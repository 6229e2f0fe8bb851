"""An answer as it is declared: what crosses from the plan to the step. Imports the standard
library only."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from stanchion.expressions.catalogue import OF_NUMBERS
from stanchion.expressions.parser import Vocabulary, parse
from stanchion.expressions.tree import Name, walk

AnswerKind = Literal["probability", "quantity", "argmax", "decide", "score"]
VOCABULARY = Vocabulary(OF_NUMBERS)
"""What expressions of draws may call."""
CLASSES = ("observed", "temperature observed")
"""The parts of a score that are data."""
STACKED = "stacked"
"""Stands for the model in the rows of what is averaged over models."""


@dataclass(frozen=True, kw_only=True)
class DeclaredAnswer:
    """What is asked: a name, and an expression, or one for each choice or part."""

    answer: str
    kind: AnswerKind
    expressions: tuple[tuple[str, str], ...]
    """Choice or part, and expression, in the order of the declaration; the name is empty where
    there is one only. Pairs, for a job file sorts the keys of a mapping."""
    unit: str | None
    rope: tuple[float, float] | None
    """The values that count as no effect, its ends among them."""
    stacked: bool

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield choice or part, and expression."""
        yield from self.expressions

    def names(self, parts: Collection[str] | None = None) -> list[str]:
        """Return the variables that it is of, or these parts of it, each once."""
        named = [source for name, source in self.items() if parts is None or name in parts]
        trees = [parse(source, VOCABULARY) for source in named]
        nodes = [node for tree in trees for node in walk(tree)]
        return list(dict.fromkeys(node.name for node in nodes if isinstance(node, Name)))

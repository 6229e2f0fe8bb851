"""Statistics of the observed data that are declared as expressions, held to what there is."""

from __future__ import annotations

from collections.abc import Mapping

from stanchion.expressions.arrays import Arrays
from stanchion.expressions.catalogue import OF_NUMBERS
from stanchion.expressions.check import Kind, Typed, check
from stanchion.expressions.faults import at_character
from stanchion.expressions.parser import Vocabulary, parse, written
from stanchion.expressions.tree import Name, Node, walk

_NUMBERS = Vocabulary(OF_NUMBERS)


def parse_statistic(source: str, observed: str) -> Node:
    """Return the tree of a statistic, which names the observed variable.

    Raises:
        ExpressionError: it is no expression, or names other things only.
    """
    tree = parse(source, _NUMBERS)
    if observed not in names_of(tree):
        what = f"it is not of `{observed}`, and would be the same of every replication"
        raise at_character(source, tree.span[0], what, f"an expression of `{observed}`")
    return tree


def check_statistic(source: str, observed: str, kinds: Mapping[str, Kind]) -> Typed:
    """Return a statistic held to the data that it is of, by name.

    Raises:
        ExpressionError: names or shapes are not those of the data, or it is no single number.
    """
    tree = parse_statistic(source, observed)
    typed = check(source, tree, Arrays(kinds))
    if typed.kind.axes:
        shape = " × ".join(
            axis.name if axis.size is None else str(axis.size) for axis in typed.kind.axes
        )
        what = f"it gives {shape} numbers"
        todo = f"reduce them, as in `mean({written(source, tree)})`"
        raise at_character(source, tree.span[0], what, "one number", todo)
    return typed


def names_of(tree: Node) -> set[str]:
    """Return the names in an expression."""
    return {node.name for node in walk(tree) if isinstance(node, Name)}

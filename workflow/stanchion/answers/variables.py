"""The variables of a program as names of expressions, before anything was drawn."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.draws.naming import Declared, Naming
from stanchion.expressions.arrays import Arrays
from stanchion.expressions.check import Axis, Kind, Type

UNREADABLE = frozenset({"complex", "tuple"})
"""Types that expressions have no values of."""


def declared_variables(naming: Naming) -> Arrays:
    """Return what is known before anything was drawn: sizes by the data, labels by columns."""
    every = {**naming.declared, **naming.data}
    return Arrays(
        {
            name: Kind(_type(about), tuple(_axes(naming, about)))
            for name, about in every.items()
            if about.type not in UNREADABLE
        }
    )


def _type(about: Declared) -> Type:
    return "int" if about.type == "int" else "real"


def _axes(naming: Naming, about: Declared) -> Iterator[Axis]:
    for number, size in enumerate(about.sizes):
        length = naming.size(size)
        dimension = naming.dimensions.get(size)
        known = dimension is not None and dimension.length == length
        name = dimension.name if dimension and known else size or f"{about.name}_dim_{number}"
        yield Axis(name, length, dimension.labels if dimension and known else None)

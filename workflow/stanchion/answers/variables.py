"""The variables of a program as names of expressions, before anything was drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from stanchion.draws.naming import Declared, Naming
from stanchion.expressions.check import Axis, Kind, Type
from stanchion.expressions.faults import at_character
from stanchion.expressions.tree import Call

UNREADABLE = frozenset({"complex", "tuple"})
"""Types that expressions have no values of."""


@dataclass(frozen=True)
class Variables:
    """What the names of a program stand for, by name."""

    kinds: Mapping[str, Kind]

    @classmethod
    def declared(cls, naming: Naming) -> Variables:
        """Return what is known before anything was drawn: sizes by the data, labels by columns."""
        every = {**naming.declared, **naming.data}
        return cls(
            {
                name: Kind(_type(about), tuple(_axes(naming, about)))
                for name, about in every.items()
                if about.type not in UNREADABLE
            }
        )

    def names(self) -> Iterable[str]:
        """Return the names."""
        return self.kinds

    def kind(self, name: str) -> Kind | None:
        """Return what a name stands for, None where it is not known."""
        return self.kinds.get(name)

    def call_kind(self, call: Call, source: str) -> NoReturn:
        """Refuse a function of a dataset's rows."""
        what = f"{call.function}() is of a dataset's rows, and has no value here"
        raise at_character(source, call.span[0], what)


def _type(about: Declared) -> Type:
    return "int" if about.type == "int" else "real"


def _axes(naming: Naming, about: Declared) -> Iterator[Axis]:
    for number, size in enumerate(about.sizes):
        length = naming.size(size)
        dimension = naming.dimensions.get(size)
        known = dimension is not None and dimension.length == length
        name = dimension.name if dimension and known else size or f"{about.name}_dim_{number}"
        yield Axis(name, length, dimension.labels if dimension and known else None)

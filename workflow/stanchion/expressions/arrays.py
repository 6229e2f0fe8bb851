"""Named arrays: the scope and the environment of an expression that is of no dataset's rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stanchion.expressions.check import Kind
from stanchion.expressions.tree import Call

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Arrays:
    """Names with their kinds and arrays, leading axes such as chain and draw × those of the kind.

    Without arrays an expression can be checked, and not computed.
    """

    kinds: Mapping[str, Kind]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def settled(self) -> Arrays:
        """What reductions are computed of."""
        return self

    def names(self) -> Iterable[str]:
        """Return all names."""
        return self.kinds

    def kind(self, name: str) -> Kind | None:
        """Return what a name stands for, None where it is not known."""
        return self.kinds.get(name)

    def full_kind(self, name: str) -> Kind:
        """Return what a known name stands for."""
        return self.kinds[name]

    def values(self, name: str) -> NDArray[Any]:
        """Return a name's array."""
        return self.arrays[name]

    def call_kind(self, call: Call, source: str) -> Kind:
        """Refuse a function of rows, which the parser has refused before."""
        raise TypeError(f"{call.function}() is of a dataset's rows")

    def call(self, call: Call) -> NDArray[Any]:
        """Refuse a function of rows, which the parser has refused before."""
        raise TypeError(f"{call.function}() is of a dataset's rows")

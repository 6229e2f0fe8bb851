"""What one program asks of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stanchion.datasets.grid import GridRequest

if TYPE_CHECKING:
    from stanchion.config import Dataset
    from stanchion.stan.program import Variable

Where = Callable[[str], str | None]
"""A dotted key of the declaration → `file:line`, or None where it is not known."""


UPDATED = "@"
"""Between a variable's name and the dataset of further rows that it is evaluated on."""


@dataclass(frozen=True)
class NewRows:
    """The dataset of new rows that a mapping is applied to, and whether they are taken.

    Where they are not, the first of the fitted rows stands in for them. With no row at all a
    program need not run: Stan's vectorised `_rng` functions read past the end of an empty vector
    beside a number, since they take the larger size (stan/math/prim/fun/max_size.hpp).
    """

    dataset: str
    taken: bool = True
    grid: GridRequest | None = None
    """The effects whose grid stands in for them in place of that row."""


@dataclass(frozen=True)
class Request:
    """A dataset, its mapping as the model overrides it, and the program's `data` block.

    `tables` gives the file of this dataset and of each of `others`.
    """

    name: str
    dataset: Dataset
    mapping: Mapping[str, object]
    variables: Sequence[Variable]
    tables: Mapping[str, Path]
    others: Mapping[str, Dataset]
    new_rows: NewRows | None
    where: Where
    model: str | None
    updates: Sequence[str] = ()
    """Datasets whose rows follow those of the dataset, by the same mapping."""
    is_conjugate: bool = False
    """Whether the mapping is that of a conjugate model."""

    @property
    def left_out(self) -> str | None:
        """The dataset of new rows that a fitted row stands in for."""
        return self.new_rows.dataset if self.new_rows and not self.new_rows.taken else None

    @property
    def grid(self) -> GridRequest | None:
        """The effects whose grid stands in for new rows."""
        return self.new_rows.grid if self.new_rows else None

    @property
    def path(self) -> Path:
        """The dataset's own file."""
        return self.tables[self.name]

    def key(self, variable: str) -> str:
        """Return the key that gives a variable: the model's where that says it."""
        variable = variable.partition(UPDATED)[0]
        if self.is_conjugate:
            return f"models.{self.model or '*'}.conjugate.{variable}"
        mapping = self.dataset.stan
        overridden = variable in self.mapping and mapping.get(variable) != self.mapping[variable]
        section = f"models.{self.model or '*'}" if overridden else f"datasets.{self.name}"
        return f"{section}.stan.{variable}"

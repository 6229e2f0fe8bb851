"""The draws of a fit's chains so far: those that decide whether there are to be more."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stanchion.draws.columns import Column
from stanchion.draws.files import Scalars, gated
from stanchion.draws.growing import GrowingChain
from stanchion.draws.naming import GATED, Naming, Roles
from stanchion.draws.stan_csv import Chains
from stanchion.draws.tree import posterior_tree
from stanchion.errors import ChainError
from stanchion.plan.arguments import ProgramVariables
from stanchion.stan.rows import Rows

_LEAPFROG = "n_leapfrog__"


class DrawnSoFar:
    """The draws of what the gate judges, and of other variables by name; they only grow."""

    def __init__(
        self, variables: ProgramVariables, data: Path, others: Collection[str], chains: int
    ) -> None:
        declared = {
            block: listed if block in GATED else () for block, listed in variables.declared.items()
        }
        self._naming = Naming.of(declared, _integers(data), {"sizes": {}})
        self._others = set(others) - self._naming.declared.keys()
        self._chains = [GrowingChain(self._is_read) for _ in range(chains)]
        self._values = np.empty((chains, 0, 0))

    def take(self, csvs: Sequence[Path], expected: Rows) -> int | None:
        """Read what is new in the chains; return its leapfrog steps, None where none are said.

        Of a chain that was started anew, all draws are new.

        Raises:
            ChainError: a chain has not the expected rows, or other columns than the first.
        """
        chains = zip(self._chains, csvs, strict=True)
        self._values = np.stack([chain.read(csv, expected) for chain, csv in chains])
        if any(chain.columns != self._columns for chain in self._chains):
            raise ChainError("the chains have different columns", where=str(csvs[0]))
        if _LEAPFROG not in self._columns:
            return None
        steps = self._values[:, :, self._columns.index(_LEAPFROG)]
        total = sum(steps[row, chain.known :].sum() for row, chain in enumerate(self._chains))
        return int(total) if np.isfinite(total) else None

    def gated(self) -> Scalars:
        """Return what the gate judges of all draws so far."""
        indices = [i for i, name in enumerate(self._columns) if _base(name) not in self._others]
        columns = tuple(self._columns[index] for index in indices)
        chains = Chains(columns, self._values[:, :, indices], max_treedepth=None)
        return gated(posterior_tree(chains, self._naming, Roles(), {}))

    def others(self) -> Scalars:
        """Return all draws so far of the other variables."""
        indices = [i for i, name in enumerate(self._columns) if _base(name) in self._others]
        names = [Column.parse(self._columns[index]).name for index in indices]
        return Scalars(names, self._values[:, :, indices], [])

    @property
    def _columns(self) -> tuple[str, ...]:
        return self._chains[0].columns

    def _is_read(self, column: str) -> bool:
        base = _base(column)
        return base in {"lp__", _LEAPFROG} or base in self._naming.declared or base in self._others


def _base(column: str) -> str:
    return Column.parse(column).variable.split(".", 1)[0]


def _integers(data: Path) -> Mapping[str, Any]:
    """Return the data by which a program's variables have their sizes."""
    content: dict[str, Any] = json.loads(data.read_text())
    return {name: value for name, value in content.items() if type(value) is int}

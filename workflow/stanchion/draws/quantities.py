"""Generated quantities that were drawn after a fit, at the parameters that it drew."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.draws.columns import Column
from stanchion.draws.naming import Declared
from stanchion.draws.stan_csv import Chains

_BLOCK = "generated_quantities"


@dataclass(frozen=True)
class Quantities:
    """The columns of generated quantities, `chain × draw × column`, a row for each of a fit's.

    `messages` are what CmdStan complained of, with the chain's number.
    """

    columns: tuple[str, ...]
    values: NDArray[np.float64]
    messages: tuple[str, ...] = ()
    prior: NDArray[np.float64] | None = None
    """The same columns at some draws of the prior, `draw × column`, where they were wanted."""
    prior_because: str = ""
    """Why there are none at the draws of the prior that there are."""

    @classmethod
    def of(cls, chains: Sequence[Chains]) -> Quantities:
        """Join what was read of one chain each."""
        messages = [
            message.replace("chain 1,", f"chain {number},", 1)
            for number, chain in enumerate(chains, start=1)
            for message in chain.messages
        ]
        values = np.concatenate([chain.values for chain in chains])
        return cls(chains[0].columns, values, tuple(messages))

    @classmethod
    def none(cls) -> Quantities:
        """Return what stands for quantities that were not made."""
        return cls((), np.empty((0, 0, 0)))

    def of_variable(self, name: str) -> Quantities:
        """Return those of one variable."""
        chosen = columns_of(self.columns, {name})
        columns = tuple(self.columns[index] for index in chosen)
        return replace(self, columns=columns, values=self.values[:, :, chosen])

    def write(self, path: Path) -> None:
        """Write them as arrays: the same bytes for the same quantities."""
        columns, messages = (np.array(x, dtype=np.str_) for x in (self.columns, self.messages))
        arrays: dict[str, Any] = {"columns": columns, "values": self.values, "messages": messages}
        if self.prior is not None:
            arrays["prior"] = self.prior
        if self.prior_because:
            arrays["prior_because"] = np.array(self.prior_because)
        with path.open("wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def read(cls, path: Path) -> Quantities:
        """Read what `write` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            texts = {name: tuple(arrays[name].tolist()) for name in ("columns", "messages")}
            because = str(arrays["prior_because"]) if "prior_because" in arrays else ""
            prior = arrays.get("prior")
            return cls(values=arrays["values"], prior=prior, prior_because=because, **texts)


def columns_of(columns: Sequence[str], variables: Collection[str]) -> list[int]:
    """Return which columns of a Stan CSV hold these variables, or slots of them."""
    return [index for index, name in enumerate(columns) if _variable(name) in variables]


def with_quantities(
    chains: Chains, quantities: Quantities, declared: Mapping[str, Declared]
) -> Chains:
    """Return chains with other generated quantities in place of their own.

    Those of the warm-up stay, NaN where the chains had none.
    """
    quantity_names = {name for name, about in declared.items() if about.block == _BLOCK}
    rest = [i for i, name in enumerate(chains.columns) if _variable(name) not in quantity_names]
    columns = (*(chains.columns[index] for index in rest), *quantities.columns)
    warmup = chains.warmup
    if warmup is not None:
        position = {name: index for index, name in enumerate(chains.columns)}
        nothing = np.full(warmup.shape[:2], np.nan)
        by_column = [warmup[:, :, position[c]] if c in position else nothing for c in columns]
        warmup = np.stack(by_column, axis=2)
    values = np.concatenate([chains.values[:, :, rest], quantities.values], axis=2)
    return replace(
        chains, columns=columns, values=values, warmup=warmup, messages=quantities.messages
    )


def write_parameters(columns: Sequence[str], values: NDArray[np.float64], path: Path) -> None:
    """Write `draw × column` as a Stan CSV from which each number is read back as it is."""
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(columns) + "\n")
        file.writelines(",".join(map(repr, row.tolist())) + "\n" for row in values)


def _variable(header: str) -> str:
    return Column.parse(header).variable.split(".", 1)[0]

"""Does `prior_only` do anything? The log density of a few prior draws, with it and without.

Imports the standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from stanchion.stan.command import log_prob_command
from stanchion.stan.process import ProgramFailedError

DRAWS = 20
"""Of all chains together: as many points as tell a constant difference from one that varies."""


@dataclass(frozen=True)
class Densities:
    """Log densities of the same draws: of the prior alone, and with the likelihood.

    None where the program could not compute them, as where a likelihood refuses a prior draw.
    """

    prior: list[float] | None
    posterior: list[float] | None


def densities(
    program: Callable[[Sequence[str], str], object],
    data: Mapping[str, Any],
    chains: Sequence[Path],
    folder: Path,
) -> Densities:
    """Evaluate the log density at draws from the prior with `prior_only` 1 and 0.

    `program` runs the compiled program with these arguments, under this name.

    Raises:
        ChainError: the program could not be started, or was killed.
    """
    points = folder / "points.csv"
    points.write_text(_some_draws(chains), encoding="utf-8")

    def evaluated(switch: int) -> list[float] | None:
        values, output = folder / f"data_{switch}.json", folder / f"density_{switch}.csv"
        values.write_text(json.dumps({**data, "prior_only": switch}))
        arguments = log_prob_command(data=values, points=points, output=output)
        try:
            program(arguments, f"the log density with prior_only {switch}")
        except ProgramFailedError:
            return None
        return _first_column(output)

    return Densities(prior=evaluated(1), posterior=evaluated(0))


def _some_draws(chains: Sequence[Path]) -> str:
    """Return a Stan CSV of a few draws of each chain, evenly spaced, with the first one's head."""
    each = -(-DRAWS // len(chains))
    head, rows = "", list[str]()
    for path in chains:
        with path.open(encoding="utf-8") as file:
            lines = [line for line in file if line.strip()]
        header = next(index for index, line in enumerate(lines) if not line.startswith("#"))
        head = head or "".join(lines[: header + 1])
        draws = [line for line in lines[header + 1 :] if not line.startswith("#")]
        rows += islice(draws, 0, None, max(len(draws) // each, 1))
    return head + "".join(rows)


def _first_column(csv: Path) -> list[float]:
    with csv.open(encoding="utf-8") as file:
        rows = [line.split(",", 1)[0] for line in file if line.strip() and line[0] != "#"]
    return [float(value) for value in rows[1:]]

"""Chains → draws.nc and summary.csv; draws of an approximation are reweighted where k̂ allows."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.draws.columns import Column
from stanchion.draws.files import without_value, write_tree
from stanchion.draws.naming import GATED, Naming, Roles
from stanchion.draws.stan_csv import Chains, read_chains
from stanchion.draws.tree import PROPOSAL, posterior_tree
from stanchion.draws.weighting import weigh
from stanchion.errors import StepError
from stanchion.plan.job import Job
from stanchion.stats.summary import Numbers, summarise


def run(job: Job) -> None:
    """Collect a fit's chains.

    Raises:
        ChainError: a chain is not whole, or does not hold what the program declares.
        StepError: `parameters` names what the program does not declare.
    """
    told = job.arguments
    raw = read_chains(job.paths("chains"))
    weighted = None if told["method"] == "nuts" else weigh(raw, told["resample"], told["seed"])
    chains = raw if weighted is None else weighted.draws
    data = json.loads(job.path("data").read_text())
    naming = Naming.of(told["variables"], data, json.loads(job.path("meta").read_text()))
    roles = Roles(told["observed"], told["replicated"], told["predicted"])

    tree = posterior_tree(chains, naming, roles, data)
    if weighted is not None:
        tree[PROPOSAL] = weighted.proposal(naming)
        job.notes["weighting"] = weighted.notes()
    attributes = weighted.attributes if weighted else None
    write_tree(tree, job.outputs["draws"], chains.messages, attributes)
    places, names = summarised_columns(chains, naming, told["parameters"])
    numbers = summarise(
        chains.values, places, sampled=weighted is None, intervals=told["intervals"]
    )
    errors = weighted.errors(places) if weighted else {}
    unassigned = _unassigned(chains, naming, places)
    known = {name: np.where(unassigned, np.nan, v) for name, v in (numbers | errors).items()}
    write_summary(names, known, job.outputs["summary"])


def _unassigned(chains: Chains, naming: Naming, places: Sequence[int]) -> NDArray[np.bool_]:
    """Tell which columns are integers without a value in some draw, which gives them no number."""
    found = np.zeros(len(places), np.bool_)
    for row, place in enumerate(places):
        declared = naming.declared[Column.parse(chains.columns[place]).variable.split(".", 1)[0]]
        if declared.type == "int":
            found[row] = without_value(chains.values[:, :, place], "int").any()
    return found


def summarised_columns(
    chains: Chains, naming: Naming, parameters: Sequence[str] | None
) -> tuple[list[int], list[str]]:
    """Return place and name of each summarised column, in declared order, then in Stan's.

    Without `parameters`, these are the parameters and the transformed parameters.
    """
    chosen = parameters or [d.name for d in naming.declared.values() if d.block in GATED]
    unknown = [name for name in chosen if name not in naming.declared]
    if unknown:
        raise StepError(
            f"the program declares no {', '.join(unknown)}",
            key="parameters",
            allowed=", ".join(naming.declared),
        )
    by_base: dict[str, list[tuple[int, str]]] = {name: [] for name in chosen}
    for place, header in enumerate(chains.columns):
        column = Column.parse(header)
        by_base.get(column.variable.split(".", 1)[0], []).append((place, column.name))
    found = [entry for name in chosen for entry in by_base[name]]
    return [place for place, _ in found], [name for _, name in found]


def write_summary(names: Sequence[str], numbers: Numbers, path: Path) -> None:
    """Write a row a scalar, unrounded; a number that does not exist is an empty field."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["variable", *numbers])
        columns = [values.tolist() for values in numbers.values()]
        for name, *row in zip(names, *columns, strict=True):
            writer.writerow([name, *map(_shown, row)])


def _shown(value: float) -> Any:
    return "" if value != value else repr(value)

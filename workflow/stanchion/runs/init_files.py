"""Whether the init files of methods hold values of the programs' parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from stanchion.config import Analysis, Project
from stanchion.datasets.agree import describe, disagreements
from stanchion.datasets.limits import beyond
from stanchion.datasets.stan_json import read
from stanchion.errors import DataError, Fault
from stanchion.stan.program import Program, Variable

_SIMPLEX = 1e-8
"""How far from its sum Stan takes a simplex."""
_KINDS = {
    "simplex": "numbers > 0 whose sum is 1",
    "sum_to_zero_vector": "numbers whose sum is 0",
    "ordered": "ascending numbers",
    "positive_ordered": "ascending numbers > 0",
}
_OR_NONE = "or remove init, and chains start anywhere"


def init_faults(
    project: Project, name: str, model: str, program: Program, data: Mapping[str, Any]
) -> Iterator[Fault]:
    """Yield a fault for each value that a file lacks, or that is no value of its parameter.

    Sizes and bounds count that follow from `data` and from the file itself. What a file holds
    beside the parameters is allowed, as it is in data.
    """
    analysis: Analysis = project.analyses[name]
    for label, method in analysis.methods_of(model).items():
        if isinstance(method.start, str):
            for fault in _faults(Path(method.start), program, data):
                at = ("analyses", name, "methods", label, "init")
                yield project.fault(
                    f"{method.start}: {fault.what}",
                    *at,
                    allowed=fault.allowed,
                    todo=fault.todo or f"correct it there, {_OR_NONE}",
                )


def _faults(path: Path, program: Program, data: Mapping[str, Any]) -> list[Fault]:
    try:
        values = read(path)
    except DataError as error:
        return [_without_path(fault, path) for fault in error.faults]
    missing = [v for v in program.parameters if v.name not in values]
    faults = [
        Fault(
            f"there is no value for the parameter `{variable.name}`, where the chains would start "
            "at random",
            allowed=describe(variable),
            todo=f"add `{variable.name}`, {_OR_NONE}",
        )
        for variable in missing
    ]
    present = [v for v in program.parameters if v.name in values]
    faults += disagreements(present, {**data, **values}, lambda name: name)
    if not faults:
        numbers = {**data, **values}
        faults += [fault for v in present if (fault := _at_the_edge(v, numbers))]
    if not faults:
        faults += [fault for v in present if (fault := _unlike_kind(v, values[v.name]))]
    return faults


def _at_the_edge(variable: Variable, values: Mapping[str, Any]) -> Fault | None:
    """Return what is wrong with a value that is infinite on the unconstrained scale, or NaN."""
    if variable.type == "tuple":
        return None
    if limit := beyond(variable, values, is_open=True):
        return Fault(
            f"`{variable.name}` {limit.what}, the bound itself, where no chain can start",
            allowed=f"{limit.allowed}, by the program",
        )
    if not _is_finite(values[variable.name]):
        return Fault(f"`{variable.name}` holds a number that is not finite", allowed="numbers")
    return None


def _is_finite(value: Any) -> bool:
    """Tell whether all numbers are finite as doubles; no integer beyond the largest double is."""
    try:
        return bool(np.isfinite(np.asarray(value, np.float64)).all())
    except OverflowError:
        return False


def _unlike_kind(variable: Variable, value: Any) -> Fault | None:
    """Return what is wrong with a vector whose kind asks for more than bounds."""
    if variable.dimensions != 1:
        return None
    total, ascends = sum(value), all(before < after for before, after in pairwise(value))
    wrong = {
        "simplex": abs(total - 1) > _SIMPLEX or min(value, default=1) <= 0,
        "sum_to_zero_vector": abs(total) > _SIMPLEX,
        "ordered": not ascends,
        "positive_ordered": not ascends or min(value, default=1) <= 0,
    }
    if not wrong.get(variable.kind, False):
        return None
    return Fault(
        f"`{variable.name}` is declared {variable.kind} and is none", allowed=_KINDS[variable.kind]
    )


def _without_path(fault: Fault, path: Path) -> Fault:
    """Return a fault of a file that says its line, but not its path again."""
    line = (fault.where or "").removeprefix(f"{path}:")
    what = fault.what.removeprefix(f"{path}").removeprefix(": ").strip()
    return Fault(f"line {line}: {what}" if line else what, allowed=fault.allowed)

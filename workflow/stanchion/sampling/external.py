"""Draws by another program, held to what the model's program and the declaration say of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stanchion.checks.row import at_most
from stanchion.draws.columns import Column, containers
from stanchion.draws.external import DENSITY, read_netcdf, undeclared
from stanchion.draws.naming import BLOCKS, Naming, Roles
from stanchion.draws.stan_csv import Chains, read_sampled
from stanchion.errors import ChainError
from stanchion.methods.method import Method
from stanchion.plan.arguments import ProgramVariables
from stanchion.sampling.taken import unlike
from stanchion.stan.program import Variable
from stanchion.system.sentences import counted

FILE = "draws.nc"
"""What the draws are called that a script leaves, in the archive of its fit."""
ATTRIBUTE = "left_out"
"""Attribute of the group `posterior` that says what its program lacks there, a line each."""
_CSV = ".csv"
_AS_DECLARED = "give it the name, the sizes and the bounds that the model's program declares"


@dataclass(frozen=True)
class External:
    """The chains of another program, the variables that they hold, and what is worth knowing."""

    chains: Chains
    naming: Naming
    notes: tuple[str, ...]

    @property
    def attributes(self) -> dict[str, str]:
        """What the group of the posterior says of itself."""
        return {ATTRIBUTE: "\n".join(self.notes)} if self.notes else {}


def external_draws(
    paths: Sequence[Path],
    method: Method,
    variables: ProgramVariables,
    data: Mapping[str, Any],
    meta: Mapping[str, Any],
) -> External:
    """Read the draws of another program, and hold them to the model's.

    Every parameter must be there, and what the summary is to show; other variables of the program
    may be missing, and those that it does not declare are left out.

    Raises:
        ChainError: a file cannot be read, or holds other draws than are declared.
    """
    naming = Naming.of(variables.declared, data, meta)
    roles = Roles(variables.observed, variables.replicated, variables.predicted)
    is_csv = paths[0].suffix == _CSV
    if is_csv:
        chains = read_sampled(paths)
    else:
        weighted = not method.markov_chains
        chains = read_netcdf(paths[0], naming.declared, roles, data, weighted=weighted)
    where = ", ".join(map(str, paths))
    _require_size(chains, method, where)
    chains, unknown = _declared_only(chains, naming)
    unknown = unknown if is_csv else undeclared(paths[0], naming.declared)
    present = {container.base for container in containers(chains.columns)}
    missing = [n for n in naming.declared if n not in present and naming.empty_shape(n) is None]
    _require_variables(naming, missing, variables.parameters or (), where)
    _require_shapes(chains, variables, data, where)
    declared = {n: about for n, about in naming.declared.items() if n not in missing}
    held = {"declared by the program, and not in the file": missing}
    held["in the file, and not declared by the program"] = unknown
    notes = [f"{words}: {', '.join(at_most(names))}" for words, names in held.items() if names]
    if DENSITY in chains.columns and not _column(chains, DENSITY).any():
        notes.append("the file has no log density: lp__ is not judged")
    return External(chains, replace(naming, declared=declared), tuple(notes))


def _column(chains: Chains, name: str) -> Any:
    return chains.values[:, :, chains.columns.index(name)]


def _require_size(chains: Chains, method: Method, where: str) -> None:
    found, declared = chains.values.shape[:2], (method.size.chains, method.size.draws)
    if found != declared:
        raise ChainError(
            f"it holds {_size(*found)}, and {_size(*declared)} are declared",
            where=where,
            todo="declare `chains` and `draws` as they are",
        )


def _size(chains: int, draws: int) -> str:
    return f"{counted(chains, 'chain')} of {counted(draws, 'draw')}"


def _declared_only(chains: Chains, naming: Naming) -> tuple[Chains, list[str]]:
    """Leave out the columns of variables that the program does not declare; return their names."""
    names = [Column.parse(header).variable.split(".", 1)[0] for header in chains.columns]
    rest = [
        index
        for index, (header, name) in enumerate(zip(chains.columns, names, strict=True))
        if header.endswith("__") or name in naming.declared
    ]
    if len(rest) == len(names):
        return chains, []
    unknown = dict.fromkeys(n for n in names if not n.endswith("__") and n not in naming.declared)
    columns = tuple(chains.columns[index] for index in rest)
    return replace(chains, columns=columns, values=chains.values[:, :, rest]), list(unknown)


def _require_variables(
    naming: Naming, missing: Sequence[str], shown: Sequence[str], where: str
) -> None:
    needed = [n for n in missing if naming.declared[n].block == BLOCKS[0] or n in shown]
    if needed:
        is_parameter = naming.declared[needed[0]].block == BLOCKS[0]
        what = "a parameter of the model's program" if is_parameter else "named under `parameters`"
        raise ChainError(
            f"it holds no `{needed[0]}`, which is {what}",
            where=where,
            allowed=", ".join(naming.declared),
            todo="write it into the group `posterior`, under this name",
        )


def _require_shapes(
    chains: Chains, variables: ProgramVariables, data: Mapping[str, Any], where: str
) -> None:
    """Hold dimensions, sizes and bounds to the declarations; the latter of parameters only."""
    by_name = {container.name: container for container in containers(chains.columns)}
    for variable in _checked(variables):
        if variable.name not in by_name:
            continue
        container = by_name[variable.name]
        drawn = container.positions.ndim - container.complex
        if drawn != variable.dimensions:
            raise ChainError(
                f"`{variable.name}` has {counted(drawn, 'dimension')} beside chain and draw, and "
                f"the program declares {variable.dimensions}",
                where=where,
                todo=_AS_DECLARED,
            )
        positions = container.positions.ravel(order="F")
        columns = [chains.columns[position] for position in positions]
        what = unlike([variable], data, columns, chains.values[:, :, positions])
        if what is not None:
            raise ChainError(what, where=where, todo=_AS_DECLARED)


def _checked(variables: ProgramVariables) -> Iterator[Variable]:
    """Yield the variables of the program; what is computed from parameters without its bounds."""
    for block in BLOCKS:
        for variable in variables.declared[block]:
            free = block != BLOCKS[0]
            yield replace(variable, lower="", upper="") if free else variable

"""Chains → groups of named arrays, as in ArviZ's DataTree; they are views of the chains' array.

Plain arrays rather than xarray's: a process that collects a small fit would spend most of its time
importing pandas and xarray, and the file is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.draws.columns import Container, containers, default_pattern
from stanchion.draws.naming import CONSTRAINED, Dimension, Naming, Roles
from stanchion.draws.stan_csv import Chains
from stanchion.errors import ChainError

_SAMPLER = {
    "lp__": "lp",
    "accept_stat__": "acceptance_rate",
    "stepsize__": "step_size",
    "treedepth__": "tree_depth",
    "n_leapfrog__": "n_steps",
    "divergent__": "diverging",
    "energy__": "energy",
}
_KIND: dict[str, type] = {"tree_depth": np.int64, "n_steps": np.int64, "diverging": np.bool_}
_PRIOR_GROUPS = {
    "posterior": "prior",
    "posterior_predictive": "prior_predictive",
    "sample_stats": "sample_stats_prior",
    "observed_data": "observed_data",
}


@dataclass(frozen=True)
class Array:
    """A variable: the names of its dimensions, its values, and what is noted of it."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    attrs: Mapping[str, str] = field(default_factory=dict)


Group = dict[str, Array]
Tree = dict[str, Group]
PROPOSAL = "proposal"


@dataclass(frozen=True)
class _Kept:
    group: str
    name: str
    declared: str
    pattern: str
    values: NDArray[Any]
    complex: bool


def posterior_tree(chains: Chains, naming: Naming, roles: Roles, data: Mapping[str, Any]) -> Tree:
    """Return the draws and the data of a fit by group; labels stand under their dimension's name.

    Raises:
        ChainError: the chains do not hold what the program declares.
    """
    shape = chains.values.shape
    axes = {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])}
    tree: Tree = {"posterior": {}, "sample_stats": _sample_stats(chains)}
    claimed: dict[str, dict[str, Dimension]] = {}
    for kept in _drawn(chains, naming, roles):
        own = claimed.setdefault(kept.group, {})
        tree.setdefault(kept.group, {})[kept.name] = _array(kept, naming, own)
    for name in tree:
        tree[name] |= {axis: Array((axis,), values) for axis, values in axes.items()}
    for name, values in _data(data):
        group = roles.place_data(name)
        own = claimed.setdefault(group, {})
        dims = naming.dims(name, name, values.shape, is_complex=False, claimed=own)
        tree.setdefault(group, {})[name] = Array(dims, values)
    return {name: group | _labels(claimed.get(name, {})) for name, group in tree.items()}


def prior_tree(chains: Chains, naming: Naming, roles: Roles, data: Mapping[str, Any]) -> Tree:
    """Return draws from the prior by group: prior, prior_predictive, and what they are held to."""
    tree = posterior_tree(chains, naming, roles, data)
    return {_PRIOR_GROUPS[name]: group for name, group in tree.items() if name in _PRIOR_GROUPS}


def proposal_group(
    chains: Chains, naming: Naming, statistics: Mapping[str, NDArray[np.float64]]
) -> Group:
    """Return all that an approximation drew, under the program's names, with a number a draw.

    `statistics` are `draw` long; a variable of the program that has the name of one is kept with an
    underscore behind it.
    """
    axes = {"chain": np.arange(1), "draw": np.arange(chains.values.shape[1])}
    group = {axis: Array((axis,), values) for axis, values in axes.items()}
    claimed: dict[str, Dimension] = {}
    for kept in _drawn(chains, naming, Roles()):
        name = f"{kept.name}_" if kept.name in statistics else kept.name
        group[name] = _array(kept, naming, claimed)
    for name, values in statistics.items():
        group[name] = Array(("chain", "draw"), values[None])
    return group | _labels(claimed)


def _drawn(chains: Chains, naming: Naming, roles: Roles) -> Iterator[_Kept]:
    """Yield what the columns hold, then the declared variables that have no elements."""
    seen = set()
    for container in containers(chains.columns):
        if container.name.endswith("__"):
            continue
        seen.add(container.base)
        group, name = roles.place(container.name)
        values = container.of(chains.values)
        declared = _declared(container, naming)
        yield _Kept(group, name, declared, container.pattern, values, container.complex)
    for base, about in naming.declared.items():
        if base in seen or about.type == "tuple":
            continue
        shape = naming.empty_shape(base)
        if shape is None:
            raise ChainError(f"the chains do not hold {base}, which the program declares")
        is_complex = about.type == "complex"
        group, name = roles.place(base)
        values = np.empty((*chains.values.shape[:2], *shape, *([2] if is_complex else [])))
        pattern = default_pattern(base, values.ndim - 2)
        yield _Kept(group, name, base, pattern, values, is_complex)


def _declared(container: Container, naming: Naming) -> str:
    if container.base not in naming.declared:
        raise ChainError(
            f"the chains hold {container.base}, which the program does not declare",
            todo="delete the chains and run again",
        )
    return container.base


def _array(kept: _Kept, naming: Naming, claimed: dict[str, Dimension]) -> Array:
    about = naming.declared[kept.declared]
    shape = kept.values.shape[2:]
    dims = naming.dims(kept.name, kept.declared, shape, is_complex=kept.complex, claimed=claimed)
    attrs = {"block": about.block, "type": about.type}
    if about.kind in CONSTRAINED:
        attrs["constraint"] = about.kind
    if kept.pattern != default_pattern(kept.name, len(shape)):
        attrs["scalar"] = kept.pattern
    values = _integers(kept.values) if about.type == "int" else kept.values
    return Array(("chain", "draw", *dims), values, attrs)


def _integers(values: NDArray[np.float64]) -> NDArray[Any]:
    """Return whole numbers as such; as they stand where the sampler wrote NaN for one of them.

    64 bits for Stan's 32, so that sums and squares of them stay exact.
    """
    whole = values.astype(np.int64) if np.isfinite(values).all() else values
    return whole if np.array_equal(whole, values) else values


def _sample_stats(chains: Chains) -> Group:
    found: dict[str, NDArray[Any]] = {}
    for place, column in enumerate(chains.columns):
        if column.endswith("__"):
            name = _SAMPLER.get(column, column.removesuffix("__"))
            found[name] = chains.values[:, :, place].astype(_KIND.get(name, np.float64))
    if "tree_depth" in found and chains.max_treedepth is not None:
        found["reached_max_treedepth"] = found["tree_depth"] >= chains.max_treedepth
    return {name: Array(("chain", "draw"), values) for name, values in found.items()}


def _data(data: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield data as arrays; Stan's JSON has "NaN" and "Infinity" as text, and tuples stay out."""
    for name, value in data.items():
        values = np.asarray(value)
        if values.dtype.kind == "U":
            values = values.astype(np.float64)
        if values.dtype != object:
            yield name, values


def _labels(claimed: Mapping[str, Dimension]) -> Group:
    return {d.name: Array((d.name,), np.array(d.labels)) for d in claimed.values() if d.labels}

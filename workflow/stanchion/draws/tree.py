"""Chains → a DataTree with ArviZ's groups and names; its arrays are views of the chains' array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stanchion.draws.columns import Container, containers, default_pattern
from stanchion.draws.naming import Naming, Roles
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
class Kept:
    """A variable of a group: its array, and what it is of."""

    group: str
    name: str
    declared: str
    pattern: str
    values: NDArray[Any]
    complex: bool


def posterior_tree(
    chains: Chains, naming: Naming, roles: Roles, data: Mapping[str, Any]
) -> xr.DataTree:
    """Return the draws of a fit as a DataTree; variables and groups stand in alphabetical order."""
    return xr.DataTree.from_dict(_groups(chains, naming, roles, data))


def prior_tree(
    chains: Chains, naming: Naming, roles: Roles, data: Mapping[str, Any]
) -> xr.DataTree:
    """Return draws from the prior as a DataTree: prior, prior_predictive, and their data."""
    groups = _groups(chains, naming, roles, data)
    return xr.DataTree.from_dict(
        {_PRIOR_GROUPS[name]: group for name, group in groups.items() if name in _PRIOR_GROUPS}
    )


def _groups(
    chains: Chains, naming: Naming, roles: Roles, data: Mapping[str, Any]
) -> dict[str, xr.Dataset]:
    grouped: dict[str, dict[str, xr.DataArray]] = {"posterior": {}}
    for kept in _drawn(chains, naming, roles):
        grouped.setdefault(kept.group, {})[kept.name] = _array(kept, naming)
    grouped["sample_stats"] = _sample_stats(chains)
    axes = {"chain": np.arange(chains.values.shape[0]), "draw": np.arange(chains.values.shape[1])}
    groups = {name: _dataset(found, naming, axes) for name, found in grouped.items()}
    for group, found in _data_groups(naming, roles, data).items():
        groups[group] = _dataset(found, naming, {})
    return dict(sorted(groups.items()))


def _drawn(chains: Chains, naming: Naming, roles: Roles) -> Iterator[Kept]:
    """Yield what the columns hold, then the declared variables that have no elements."""
    seen = set()
    for container in containers(chains.columns):
        if container.name.endswith("__"):
            continue
        seen.add(container.base)
        group, name = roles.place(container.name)
        values = container.of(chains.values)
        declared = _declared(container, naming)
        yield Kept(group, name, declared, container.pattern, values, container.complex)
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
        yield Kept(group, name, base, pattern, values, is_complex)


def _declared(container: Container, naming: Naming) -> str:
    if container.base not in naming.declared:
        raise ChainError(
            f"the chains hold {container.base}, which the program does not declare",
            todo="delete the chains and run again",
        )
    return container.base


def _array(kept: Kept, naming: Naming) -> xr.DataArray:
    about = naming.declared[kept.declared]
    shape = kept.values.shape[2:]
    dims = naming.dims(kept.name, kept.declared, shape, is_complex=kept.complex)
    attrs = {"block": about.block, "type": about.type}
    if kept.pattern != default_pattern(kept.name, len(shape)):
        attrs["scalar"] = kept.pattern
    return xr.DataArray(kept.values, dims=["chain", "draw", *dims], attrs=attrs)


def _sample_stats(chains: Chains) -> dict[str, xr.DataArray]:
    found: dict[str, NDArray[Any]] = {}
    for place, column in enumerate(chains.columns):
        if column.endswith("__"):
            name = _SAMPLER.get(column, column.removesuffix("__"))
            found[name] = chains.values[:, :, place].astype(_KIND.get(name, np.float64))
    if "tree_depth" in found and chains.max_treedepth is not None:
        found["reached_max_treedepth"] = found["tree_depth"] >= chains.max_treedepth
    return {name: xr.DataArray(values, dims=["chain", "draw"]) for name, values in found.items()}


def _data_groups(
    naming: Naming, roles: Roles, data: Mapping[str, Any]
) -> dict[str, dict[str, xr.DataArray]]:
    """Return observed and constant data; the observed takes the dimensions of its replication."""
    groups: dict[str, dict[str, xr.DataArray]] = {}
    for name, value in data.items():
        values = np.asarray(value)
        if values.dtype == object:  # a tuple, or an array of tuples
            continue
        is_observed = name == roles.observed
        like = roles.replicated if is_observed and roles.replicated else name
        dims = naming.dims(name, like, values.shape, is_complex=False)
        group = groups.setdefault("observed_data" if is_observed else "constant_data", {})
        group[name] = xr.DataArray(values, dims=dims)
    return groups


def _dataset(
    arrays: Mapping[str, xr.DataArray], naming: Naming, axes: Mapping[str, NDArray[Any]]
) -> xr.Dataset:
    dims = sorted({str(dim) for array in arrays.values() for dim in array.dims})
    return xr.Dataset(dict(sorted(arrays.items())), coords={**axes, **naming.labels(dims)})

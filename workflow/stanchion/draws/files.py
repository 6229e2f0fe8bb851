"""draws.nc and prior.nc: netCDF 4 through h5netcdf, which `xarray.open_datatree` opens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
from numpy.typing import NDArray

from stanchion.draws.columns import Span, default_pattern, scalar_names
from stanchion.draws.naming import GATED, PART
from stanchion.draws.tree import PROPOSAL, Array, Tree

_DRAWN_GROUPS = (
    "posterior",
    "posterior_predictive",
    "predictions",
    "log_likelihood",
    "log_prior",
    "prior",
)
_AXES = ("chain", "draw")
MESSAGES = "messages"
_UNASSIGNED = -(2**31)
_LOG_LIKELIHOOD = "log_lik"


@dataclass(frozen=True)
class Scalars:
    """Draws of named scalars, `chain × draw × scalar`, and the variables that they belong to."""

    names: list[str]
    values: NDArray[np.float64]
    variables: list[Span]


@dataclass(frozen=True)
class Generated:
    """The scalars of a generated quantity, and the share of draws in which each is no number."""

    names: list[str]
    not_finite: NDArray[np.float64]


@dataclass(frozen=True)
class Proposal:
    """What an approximation drew before any reweighting, and how much each draw counts.

    `log_p` and `log_q` are the log densities of the posterior, up to a constant, and of the
    approximation; `log_weights` the logarithms of the weights that PSIS smoothed, which sum to one:
    all `draw` long. `log_likelihood` is `1 × draw × observation` of the same draws, or None.
    """

    log_p: NDArray[np.float64]
    log_q: NDArray[np.float64]
    log_weights: NDArray[np.float64]
    log_likelihood: NDArray[np.float64] | None


def write_tree(
    tree: Tree,
    path: Path,
    messages: Sequence[str] = (),
    weighting: Mapping[str, str] | None = None,
) -> None:
    """Write a tree: groups and variables in alphabetical order, the same bytes for the same tree.

    The sampler's messages, where there are some, become an attribute of the file, a line each, and
    what `weighting` says attributes of each group of draws. Not compressed: draws are mostly noise,
    and zlib took ten times as long for a tenth less.
    """
    with h5netcdf.File(path, "w") as file:
        if messages:
            file.attrs[MESSAGES] = "\n".join(messages)
        for name, arrays in sorted(tree.items()):
            group = file.create_group(name)
            for key, text in sorted((weighting or {}).items()):
                if name in _DRAWN_GROUPS:
                    group.attrs[key] = text
            group.dimensions = {
                dim: length
                for _, array in sorted(arrays.items())
                for dim, length in zip(array.dims, array.values.shape, strict=True)
            }
            for variable, array in sorted(arrays.items()):
                _write(group, variable, array)


def read_group(path: Path, group: str) -> dict[str, NDArray[Any]]:
    """Return the variables of a group by name; nothing where the file has no such group."""
    with h5netcdf.File(path) as file:
        if group not in file.groups:
            return {}
        found = file.groups[group]
        return {name: _values(found[name]) for name in found.variables if name not in found.dims}


def read_gated(path: Path) -> Scalars:
    """Return what the gate judges: `lp__`, all parameters and all transformed parameters."""
    with h5netcdf.File(path) as file:
        gated = [variable for variable in _drawn(file) if variable.attrs["block"] in GATED]
        stats = next(name for name in file.groups if name.startswith("sample_stats"))
        return _scalars(["lp__"], file.groups[stats]["lp"], gated)


def read_generated(path: Path) -> Iterator[Generated]:
    """Yield every generated quantity of all groups, each with its share of draws without value."""
    with h5netcdf.File(path) as file:
        for variable in _drawn(file):
            if variable.attrs["block"] in GATED:
                continue
            values = np.asarray(variable[...])
            missing = without_value(values, str(variable.attrs["type"]))
            yield Generated(list(_names(variable)), missing.mean((0, 1)).ravel())


def without_value(values: NDArray[Any], kind: str) -> NDArray[np.bool_]:
    """Return which values of a type are none: NaN, ±∞, or an integer that was never assigned.

    Stan fills integers with the least of 32 bits before a program assigns them.
    """
    missing = ~np.isfinite(values)
    return missing | (values == _UNASSIGNED) if kind == "int" else missing


def read_messages(path: Path) -> list[str]:
    """Return what the sampler complained of in the generated quantities."""
    with h5netcdf.File(path) as file:
        return str(file.attrs.get(MESSAGES, "")).splitlines()


def read_attributes(path: Path, group: str) -> dict[str, str]:
    """Return the attributes of a group by name."""
    with h5netcdf.File(path) as file:
        return {name: str(value) for name, value in file.groups[group].attrs.items()}


def read_proposal(path: Path) -> Proposal | None:
    """Return the draws of an approximation as PSIS-LOO wants them; None for a sampled fit."""
    found = read_group(path, PROPOSAL)
    if not found:
        return None
    log_p, log_q, weights = (found[name].ravel() for name in ("log_p", "log_q", "log_weight"))
    likelihood = found.get(_LOG_LIKELIHOOD)
    if likelihood is not None:
        likelihood = likelihood.reshape(*likelihood.shape[:2], -1)
    return Proposal(log_p, log_q, weights, likelihood)


def read_labels(path: Path, group: str, name: str) -> list[str]:
    """Return a label for each element of a variable, its last dimension running fastest.

    A label is that of its dimension, else the element's number from 1.
    """
    with h5netcdf.File(path) as file:
        variable = file.groups[group][name]
        dims = [dim for dim in variable.dimensions if dim not in _AXES]
        axes = [_axis_labels(file.groups[group], dim) for dim in dims]
        return [
            ", ".join(axis[place] for axis, place in zip(axes, places, strict=True))
            for places in np.ndindex(*(len(axis) for axis in axes))
        ]


def read_type(path: Path, group: str, name: str) -> str:
    """Return the type that the program declares of a drawn variable."""
    with h5netcdf.File(path) as file:
        return str(file.groups[group][name].attrs["type"])


def _drawn(file: Any) -> Iterator[Any]:
    for group in _DRAWN_GROUPS:
        if group in file.groups:
            variables = file.groups[group].variables.values()
            yield from (variable for variable in variables if "block" in variable.attrs)


def _scalars(first: Sequence[str], density: Any, variables: Sequence[Any]) -> Scalars:
    """Read the log density and the variables, one after the other, into one array."""
    sizes = [prod(variable.shape[2:]) for variable in variables]
    values = np.empty((*density.shape, 1 + sum(sizes)))
    values[:, :, 0] = density[...]
    names, start, spans = list(first), 1, [Span(0, 1, (), sampled=False)]
    for variable, size in zip(variables, sizes, strict=True):
        if size:
            block = np.asarray(variable[...], dtype=np.float64)
            values[:, :, start : start + size] = block.reshape(*density.shape, size)
        names += _names(variable)
        spans.append(_span(variable, start, start + size))
        start += size
    return Scalars(names, values, spans)


def _span(variable: Any, start: int, stop: int) -> Span:
    sampled = variable.attrs["block"] == "parameters"
    constraint = str(variable.attrs.get("constraint", ""))
    return Span(start, stop, variable.shape[2:], sampled=sampled, constraint=constraint)


def _names(variable: Any) -> Iterator[str]:
    shape = variable.shape[2:]
    base = variable.name.rsplit("/", 1)[-1]
    pattern = variable.attrs.get("scalar", default_pattern(base, len(shape)))
    is_complex = variable.dimensions[-1] == PART
    return scalar_names(pattern, shape, is_complex=is_complex)


def _write(group: Any, name: str, array: Array) -> None:
    """Write a variable as xarray would: text as UTF-8, truth values as bytes that say so."""
    values, attrs = array.values, dict(array.attrs)
    dtype: Any = values.dtype
    if dtype.kind == "U":
        values, dtype = values.astype(object), h5py.string_dtype()
    if dtype == np.bool_:
        values, dtype, attrs["dtype"] = values.astype(np.int8), np.dtype(np.int8), "bool"
    variable = group.create_variable(name, array.dims, dtype, data=values)
    for key in sorted(attrs):
        variable.attrs[key] = attrs[key]


def _values(variable: Any) -> NDArray[Any]:
    values = np.asarray(variable[...])
    return values.astype(np.bool_) if variable.attrs.get("dtype") == "bool" else values


def _axis_labels(group: Any, dim: str) -> list[str]:
    if dim in group.variables:
        return [x.decode() if isinstance(x, bytes) else str(x) for x in group[dim][...]]
    return [str(place + 1) for place in range(group.dimensions[dim].size)]

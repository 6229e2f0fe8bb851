"""draws.nc and prior.nc: written by xarray, read as plain arrays without it.

Reading through h5netcdf alone spares a process half a second of imports; any reader of netCDF,
`xarray.open_datatree` among them, opens the same file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5netcdf
import numpy as np
from numpy.typing import NDArray

from stanchion.draws.columns import default_pattern, scalar_names
from stanchion.draws.naming import GATED, PART

if TYPE_CHECKING:
    import xarray as xr

_DRAWN_GROUPS = (
    "posterior",
    "posterior_predictive",
    "predictions",
    "log_likelihood",
    "log_prior",
    "prior",
)
_AXES = ("chain", "draw")


@dataclass(frozen=True)
class Scalars:
    """Draws of named scalars, `chain × draw × scalar`."""

    names: list[str]
    values: NDArray[np.float64]


def write_tree(tree: xr.DataTree, path: Path) -> None:
    """Write a tree as netCDF 4: the same bytes for the same tree, with no time in them.

    It is not compressed: draws are mostly noise, and zlib took ten times as long for a tenth less.
    """
    tree.to_netcdf(path, engine="h5netcdf", format="NETCDF4")


def read_group(path: Path, group: str) -> dict[str, NDArray[Any]]:
    """Return the variables of a group by name; nothing where the file has no such group."""
    with h5netcdf.File(path) as file:
        if group not in file.groups:
            return {}
        found = file.groups[group]
        return {name: _values(found[name]) for name in found.variables if name not in found.dims}


def read_gated(path: Path) -> Scalars:
    """Return what the gate looks at: `lp__`, all parameters and all transformed parameters."""
    with h5netcdf.File(path) as file:
        gated = [variable for variable in _drawn(file) if variable.attrs["block"] in GATED]
        stats = next(name for name in file.groups if name.startswith("sample_stats"))
        return _scalars(["lp__"], file.groups[stats]["lp"], gated)


def read_labels(path: Path, group: str, name: str) -> list[str]:
    """Return a label for each element of a variable, its last dimension running fastest.

    A label is that of its dimension, else the element's number from 1; several are joined by commas.
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
    names, start = list(first), 1
    for variable, size in zip(variables, sizes, strict=True):
        if size:
            block = np.asarray(variable[...], dtype=np.float64)
            values[:, :, start : start + size] = block.reshape(*density.shape, size)
        names += _names(variable)
        start += size
    return Scalars(names, values)


def _names(variable: Any) -> Iterator[str]:
    shape = variable.shape[2:]
    base = variable.name.rsplit("/", 1)[-1]
    pattern = variable.attrs.get("scalar", default_pattern(base, len(shape)))
    is_complex = variable.dimensions[-1] == PART
    return scalar_names(pattern, shape, is_complex=is_complex)


def _values(variable: Any) -> NDArray[Any]:
    values = np.asarray(variable[...])
    return values.astype(np.bool_) if variable.attrs.get("dtype") == "bool" else values


def _axis_labels(group: Any, dim: str) -> list[str]:
    if dim in group.variables:
        return [x.decode() if isinstance(x, bytes) else str(x) for x in group[dim][...]]
    return [str(place + 1) for place in range(group.dimensions[dim].size)]

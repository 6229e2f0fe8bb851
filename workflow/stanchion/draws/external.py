"""ArviZ's netCDF of another program → chains under the column names of a Stan CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stanchion.draws.columns import flat_columns
from stanchion.draws.files import never_close_again
from stanchion.draws.naming import Declared, Roles, stored_name
from stanchion.draws.sampler import NAMES
from stanchion.draws.stan_csv import Chains
from stanchion.draws.tree import POSTERIOR, SAMPLE_DIMS
from stanchion.errors import ChainError, machine_fault

LOG_WEIGHT, STATS = "log_weight", "sample_stats"
DENSITY = "lp__"
_OBSERVED = "observed_data"
_OF_ROLES = ("log_likelihood", "posterior_predictive", "predictions", "log_prior")
"""Groups of variables that have a role; where such a group has one variable, it is that one."""
_SATURATED = ("reached_max_treedepth", "reached_max_tree_depth")
"""The name in ArviZ's schema, and the one that its `from_numpyro` writes."""
_COLUMNS = {name: column for column, name in NAMES.items()} | dict.fromkeys(
    _SATURATED, "reached_max_treedepth__"
)
_FLAGS = ("diverging", *_SATURATED)
_WHOLE = (*_FLAGS, "tree_depth", "n_steps")
_NUMBERS = "biuf"
_PRECISION = 1e-5
"""How closely observed data must agree: libraries store them with seven digits or more."""


@dataclass(frozen=True)
class _File:
    """The groups of a file, and how many chains and draws its posterior has."""

    path: Path
    groups: Mapping[str, xr.Dataset]
    samples: tuple[int, int]

    def variable(self, group: str, name: str) -> xr.DataArray | None:
        """Return a variable, None where there is none."""
        dataset = self.groups.get(group)
        return dataset[name] if dataset is not None and name in dataset.data_vars else None

    def drawn(self, array: xr.DataArray) -> NDArray[Any]:
        """Return the draws of a variable, `chain × draw × shape`.

        Raises:
            ChainError: it holds no numbers, or other chains or draws than the posterior.
        """
        name = str(array.name)
        if not set(SAMPLE_DIMS) <= set(array.dims):
            dims = ", ".join(map(str, array.dims)) or "none"
            raise self.refusal(f"`{name}` has the dimensions {dims}, and not chain and draw")
        ordered = array.transpose(*SAMPLE_DIMS, ...)
        if ordered.shape[:2] != self.samples:
            raise self.refusal(
                f"`{name}` has {_size(ordered.shape[:2])}, and the posterior {_size(self.samples)}"
            )
        if ordered.dtype.kind not in _NUMBERS:
            raise self.refusal(f"`{name}` is of type {ordered.dtype}, and not of real numbers")
        self._require_order(array)
        return np.asarray(ordered.values)

    def _require_order(self, array: xr.DataArray) -> None:
        posterior = self.groups[POSTERIOR]
        for dim in SAMPLE_DIMS:
            both = dim in array.coords and dim in posterior.coords
            if both and not np.array_equal(array[dim].values, posterior[dim].values):
                raise self.refusal(
                    f"`{array.name}` has its {dim}s in another order than the posterior"
                )

    def refusal(self, what: str) -> ChainError:
        """Return the error of a file that does not hold what it should."""
        return ChainError(what, where=str(self.path), todo="write the file anew, as ArviZ has it")


def read_netcdf(
    path: Path,
    declared: Mapping[str, Declared],
    roles: Roles,
    data: Mapping[str, Any],
    *,
    weighted: bool = False,
) -> Chains:
    """Return what a netCDF holds of the declared variables, and what the sampler says of draws.

    `log_lik`, what replicates and what predicts stand in ArviZ's groups, or in the posterior under
    their own names. No attribute counts but the name of the library, which is handed on. Without a
    log density the column `lp__` is 0. Where the draws are `weighted`, all chains become one.

    Raises:
        ChainError: the file cannot be read, its draws are no numbers of one chain × draw, or its
            observed data are others than the fit's.
    """
    with ExitStack() as stack:
        file = _opened(path, stack)
        _require_data(file, roles, data)
        try:
            stats = dict(_statistics(file, weighted=weighted))
            drawn = {name: file.drawn(array) for name, array in _variables(file, declared, roles)}
        except ChainError:
            raise
        except Exception as error:
            raise _unreadable(path, error) from error
        attributes = {n: str(file.groups[POSTERIOR].attrs.get(n, "")) for n in _LIBRARY}
    every = {**stats, **drawn}
    samples = file.samples
    if weighted:
        samples = (1, file.samples[0] * file.samples[1])
        every = {
            name: values.reshape(*samples, *values.shape[2:]) for name, values in every.items()
        }
    columns, values = flat_columns(every, samples)
    name, version = (attributes[attribute] or None for attribute in _LIBRARY)
    return Chains(columns, values, max_treedepth=None, version=version, library=name)


_LIBRARY = ("inference_library", "inference_library_version")


def undeclared(path: Path, declared: Mapping[str, Declared]) -> list[str]:
    """Return the names of a posterior's variables that are none of the declared ones."""
    names = {*declared, *map(stored_name, declared)}
    with ExitStack() as stack:
        posterior = _opened(path, stack).groups[POSTERIOR]
        return [str(name) for name in posterior.data_vars if name not in names]


def _opened(path: Path, stack: ExitStack) -> _File:
    """Open the groups that count."""
    try:
        with h5netcdf.File(path) as file:
            names = [n for n in (POSTERIOR, *_OF_ROLES, STATS, _OBSERVED) if n in file.groups]
        groups = {name: stack.enter_context(_open(path, name)) for name in names}
    except Exception as error:
        raise _unreadable(path, error) from error
    if POSTERIOR not in groups:
        raise ChainError(
            "it has no group `posterior`",
            where=str(path),
            todo="write the draws as ArviZ does, by `to_netcdf` of a DataTree or InferenceData",
        )
    sizes = groups[POSTERIOR].sizes
    if not all(sizes.get(dim) for dim in SAMPLE_DIMS):
        raise ChainError(
            "its posterior has no dimensions chain and draw, or nothing along them",
            where=str(path),
            todo="write the draws as ArviZ does, chain × draw × shape",
        )
    return _File(path, groups, (sizes["chain"], sizes["draw"]))


def _open(path: Path, group: str) -> xr.Dataset:
    return xr.open_dataset(path, group=group, engine="h5netcdf", decode_times=False, cache=False)


def _unreadable(path: Path, error: Exception) -> ChainError:
    never_close_again(error)
    fault = machine_fault(error)
    if fault is not None and not path.exists():
        return ChainError(fault)
    text = " ".join(str(error).split())[:200]
    return ChainError(
        f"it cannot be read as netCDF 4, or is not whole: {text or type(error).__name__}",
        where=str(path),
        todo="write it anew, by h5netcdf or netCDF4, and close it",
    )


def _require_data(file: _File, roles: Roles, data: Mapping[str, Any]) -> None:
    """Refuse draws that are of other observations, where the file says of which."""
    if roles.observed is None or roles.observed not in data:
        return
    array = file.variable(_OBSERVED, stored_name(roles.observed))
    if array is None or array.dtype.kind not in _NUMBERS:
        return
    try:
        theirs, ours = np.asarray(array.values, np.float64), np.asarray(data[roles.observed])
    except Exception as error:
        raise _unreadable(file.path, error) from error
    if ours.dtype.kind not in _NUMBERS:
        return
    same = theirs.shape == ours.shape and np.allclose(
        theirs, ours, rtol=_PRECISION, atol=0, equal_nan=True
    )
    if not same:
        raise ChainError(
            f"its observed data `{roles.observed}` are others than those of the fit",
            where=str(file.path),
            todo="draw from the posterior given this dataset, or declare the one that it is of",
        )


def _variables(
    file: _File, declared: Mapping[str, Declared], roles: Roles
) -> Iterator[tuple[str, xr.DataArray]]:
    """Yield the declared variables that the file holds; tuples and complex numbers it cannot."""
    for name, about in declared.items():
        if about.type in ("tuple", "complex"):
            continue
        array = _stored(file, name, roles)
        if array is not None:
            yield name, array


def _stored(file: _File, name: str, roles: Roles) -> xr.DataArray | None:
    group, stored = roles.drawn(name)
    candidates = [(group, stored), (group, name), (POSTERIOR, stored_name(name)), (POSTERIOR, name)]
    for candidate in candidates:
        array = file.variable(*candidate)
        if array is not None:
            return array
    alone = list(file.groups[group].data_vars) if group in file.groups else []
    if group in _OF_ROLES[:3] and len(alone) == 1:
        return file.variable(group, str(alone[0]))
    return None


def _statistics(file: _File, *, weighted: bool) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield what the sampler says of each draw, by CmdStan's columns; there is always `lp__`."""
    density = file.variable(STATS, "lp")
    yield DENSITY, np.zeros(file.samples) if density is None else _statistic(file, density)
    for name, column in _COLUMNS.items():
        array = file.variable(STATS, name)
        if array is not None and column != DENSITY:
            yield column, _statistic(file, array)
    if weighted:
        weights = file.variable(STATS, LOG_WEIGHT)
        if weights is None:
            raise file.refusal(f"`{STATS}` has no `{LOG_WEIGHT}`, and `weights: true` is declared")
        yield "log_p__", _statistic(file, weights)
        yield "log_q__", np.zeros(file.samples)


def _statistic(file: _File, array: xr.DataArray) -> NDArray[Any]:
    values, name = file.drawn(array), str(array.name)
    if values.ndim != len(SAMPLE_DIMS):
        raise file.refusal(f"`{STATS}.{name}` is not one number a draw")
    if name in _WHOLE and not np.isfinite(values).all():
        raise file.refusal(f"`{STATS}.{name}` holds values that are not numbers")
    if name in _FLAGS and not np.isin(values, (0, 1)).all():
        raise file.refusal(f"`{STATS}.{name}` holds values other than true and false")
    return values


def _size(samples: tuple[int, ...]) -> str:
    return f"{samples[0]} chains of {samples[1]} draws"

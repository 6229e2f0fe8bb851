"""draws.nc and prior.nc: netCDF 4 that xarray writes and reads, a DataTree with ArviZ's groups."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from traceback import walk_tb
from typing import Any, Literal

import h5netcdf
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stanchion.draws.columns import Span, default_pattern, scalar_names, stan_headers
from stanchion.draws.labels import scalar_labels
from stanchion.draws.naming import GATED, PART, stored_name, variable_of
from stanchion.draws.paths import Paths
from stanchion.draws.sampler import PATH
from stanchion.draws.tree import (
    GROUPS,
    PATH_DIFFERENCE,
    PATHS,
    POINT,
    POSTERIOR,
    POSTERIOR_GROUPS,
    PRIOR_GROUPS,
    PROPOSAL,
    SAMPLE_DIMS,
)
from stanchion.system.sentences import visible

MESSAGES = "messages"
_ENGINE: Literal["h5netcdf"] = "h5netcdf"
_UNASSIGNED = -(2**31)
_LOG_LIKELIHOOD = "log_lik"


@dataclass(frozen=True)
class Scalars:
    """Draws of named scalars, `chain × draw × scalar`, and the variables that they belong to.

    `labels` are the names with labels in place of indices, where coordinates have some.
    """

    names: list[str]
    values: NDArray[np.float64]
    variables: list[Span]
    labels: Sequence[str] = ()


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
    all `draw` long. `log_likelihood` is `1 × draw × observation` of the same draws, or None;
    `paths` what is known of the paths that they are from, where there are some.
    """

    log_p: NDArray[np.float64]
    log_q: NDArray[np.float64]
    log_weights: NDArray[np.float64]
    log_likelihood: NDArray[np.float64] | None
    paths: Paths | None = None

    @property
    def weights(self) -> NDArray[np.float64]:
        """The weights themselves; they sum to one."""
        weights = np.exp(self.log_weights)
        normalised: NDArray[np.float64] = weights / weights.sum()
        return normalised


def write_tree(tree: xr.DataTree, path: Path, messages: Sequence[str] = ()) -> None:
    """Write a tree, its groups in ArviZ's order: the same bytes for the same tree.

    The sampler's messages, where there are some, become an attribute of the file, a line each. Not
    compressed: draws are mostly noise, and zlib took ten times as long for a tenth less. NaN is a
    value like any, and no mark of what is missing.
    """
    groups = sorted(tree.children, key=GROUPS.index)
    whole = xr.DataTree.from_dict({name: _plain(tree[name].to_dataset()) for name in groups})
    if messages:
        whole.attrs[MESSAGES] = "\n".join(messages)
    try:
        whole.to_netcdf(path, engine=_ENGINE)
    except Exception as error:
        never_close_again(error)
        raise


@contextmanager
def open_draws(path: Path, *groups: str) -> Iterator[xr.DataTree]:
    """Yield those of these groups that the file has; a variable is read when its values are.

    It is read again when they are asked for again: a fit may hold more than fits into memory.
    """
    with h5netcdf.File(path) as file:
        present = [group for group in groups if group in file.groups]
    with ExitStack() as stack:
        opened = {group: stack.enter_context(_open(path, group)) for group in present}
        yield xr.DataTree.from_dict(opened)


@contextmanager
def open_whole(path: Path) -> Iterator[xr.DataTree]:
    """Yield all groups that the file has, as `open_draws` does."""
    with open_draws(path, *GROUPS) as tree:
        yield tree


def read_group(path: Path, group: str) -> dict[str, NDArray[Any]]:
    """Return the variables of a group by name; nothing where the file has no such group."""
    with open_draws(path, group) as tree:
        return {str(n): v.values for node in tree.leaves for n, v in node.data_vars.items()}


def read_variable(path: Path, group: str, name: str) -> xr.DataArray:
    """Return a variable by the program's name, and read no other of its group.

    Its attribute `type` is the type that the program declares of it.
    """
    return read_stored(path, group, stored_name(name))


def read_stored(path: Path, group: str, name: str) -> xr.DataArray:
    """Return a variable by its name in the group, and read no other."""
    with _open(path, group) as dataset:
        return dataset[name].load()


def has_variable(path: Path, group: str, name: str) -> bool:
    """Tell whether a group is there and has a variable of the program's name."""
    with open_draws(path, group) as tree:
        return group in tree.children and stored_name(name) in tree[group].data_vars


def read_gated(path: Path) -> Scalars:
    """Return what the gate judges: `lp__`, all parameters and all transformed parameters."""
    with open_fit(path) as tree:
        return gated(tree)


@contextmanager
def open_fit(path: Path) -> Iterator[xr.DataTree]:
    """Yield the groups of a fit's draws and of its sampler, as `open_draws` does."""
    with open_draws(path, *POSTERIOR_GROUPS, "sample_stats") as tree:
        yield tree


def gated(tree: xr.DataTree) -> Scalars:
    """Return what the gate judges of a tree: that of a fit, else that of draws from the prior."""
    stats = tree["sample_stats" if _is_fit(tree) else "sample_stats_prior"]
    variables = [(d, n) for d, n in _drawn(tree) if d.variables[n].attrs["block"] in GATED]
    return _scalars(stats.dataset.variables["lp"], variables)


def labels_by_name(tree: xr.DataTree, variables: Collection[str]) -> dict[str, str]:
    """Return the labels of the scalars of some variables of the program, by Stan's names."""
    labels = dict[str, str]()
    for dataset, name in _drawn(tree):
        if variable_of(_pattern(name, dataset.variables[name])) in variables:
            names = list(_names(name, dataset.variables[name]))
            labels |= dict(zip(names, _labels(dataset, name, names), strict=True))
    return labels


def generated(tree: xr.DataTree) -> Iterator[Generated]:
    """Yield every generated quantity of a tree, each with its share of draws without value."""
    for dataset, name in _drawn(tree):
        variable = dataset.variables[name]
        if variable.attrs["block"] not in GATED:
            missing = without_value(variable.values, str(variable.attrs["type"]))
            yield Generated(list(_names(name, variable)), missing.mean((0, 1)).ravel())


def without_value(values: NDArray[Any], kind: str) -> NDArray[np.bool_]:
    """Return which values of a type are none: NaN, ±∞, or an integer that was never assigned.

    Stan fills integers with the least of 32 bits before a program assigns them.
    """
    missing = ~np.isfinite(values)
    return missing | (values == _UNASSIGNED) if kind == "int" else missing


def read_prior(path: Path, names: Collection[str]) -> dict[str, NDArray[np.float64]]:
    """Return a fit's draws from the prior of some scalars, by Stan's names; none where it has none.

    No other variables are read than those that the scalars are of.
    """
    values = dict[str, NDArray[np.float64]]()
    with open_draws(path, *PRIOR_GROUPS[:1]) as tree:
        for node in tree.children.values():
            for key, variable in node.dataset.variables.items():
                scalars = list(_names(str(key), variable)) if "block" in variable.attrs else []
                positions = [number for number, name in enumerate(scalars) if name in names]
                if positions:
                    drawn = variable.values.reshape(-1, len(scalars))
                    values |= {scalars[p]: drawn[:, p].astype(np.float64) for p in positions}
    return values


def read_parameters(
    path: Path, names: Collection[str], group: str = "posterior"
) -> tuple[list[str], NDArray[np.float64]]:
    """Return drawn parameters, `chain × draw × column`, under the names that a Stan CSV has.

    Those of a container stand in Stan's order, its first index running fastest.
    """
    columns, values = list[str](), list[NDArray[np.float64]]()
    stored = {stored_name(name): name for name in names}
    with open_draws(path, group) as tree:
        dataset = tree[group].dataset
        for key in dataset.data_vars:
            base, dot, slot = str(key).partition(".")
            if base not in stored or dataset.variables[key].attrs["block"] != "parameters":
                continue
            variable = dataset.variables[key]
            name, shape = f"{stored[base]}{dot}{slot}", variable.shape[2:]
            is_complex = variable.dims[-1] == PART
            pattern = variable.attrs.get("scalar", default_pattern(name, len(shape)))
            headers = stan_headers(pattern, shape, is_complex=is_complex)
            order = _stan_order(shape, is_complex=is_complex)
            columns += [headers[index] for index in order]
            drawn = variable.values.reshape(*variable.shape[:2], len(headers))
            values.append(drawn[:, :, order].astype(np.float64))
        sizes = [dataset.sizes[dim] for dim in SAMPLE_DIMS]
    return columns, np.concatenate([np.empty((*sizes, 0)), *values], axis=2)


def _stan_order(shape: Sequence[int], *, is_complex: bool) -> list[int]:
    """Return the positions of row-major scalars in the order in which Stan writes them."""
    positions = np.arange(int(np.prod(shape, dtype=np.int64))).reshape(shape)
    if not is_complex:
        return [int(index) for index in positions.ravel(order="F")]
    pairs = positions.reshape(*shape[:-1], 2)
    real, imaginary = (pairs[..., part].ravel(order="F").tolist() for part in (0, 1))
    return [index for pair in zip(real, imaginary, strict=True) for index in pair]


def read_messages(path: Path) -> list[str]:
    """Return what the sampler complained of in the generated quantities."""
    with h5netcdf.File(path) as file:
        return str(file.attrs.get(MESSAGES, "")).splitlines()


def read_attributes(path: Path, group: str) -> dict[str, str]:
    """Return the attributes of a group by name."""
    with h5netcdf.File(path) as file:
        return {name: str(value) for name, value in file.groups[group].attrs.items()}


def read_fit_attributes(path: Path) -> dict[str, str]:
    """Return the attributes of the group of a fit's draws, or of its point."""
    return read_attributes(path, POINT if is_point(path) else POSTERIOR)


def is_point(path: Path) -> bool:
    """Tell whether a fit's method gives a point, and no draws."""
    with h5netcdf.File(path) as file:
        return POINT in file.groups


def read_proposal(path: Path) -> Proposal | None:
    """Return the draws of an approximation as PSIS-LOO wants them; None for a sampled fit."""
    with open_draws(path, PROPOSAL) as tree:
        if PROPOSAL not in tree.children:
            return None
        group = tree[PROPOSAL].dataset
        log_p, log_q, weights = (group[n].values.ravel() for n in ("log_p", "log_q", "log_weight"))
        likelihood = group[_LOG_LIKELIHOOD].values if _LOG_LIKELIHOOD in group else None
        paths = _paths(group)
    if likelihood is not None:
        likelihood = likelihood.reshape(*likelihood.shape[:2], -1)
    return Proposal(log_p, log_q, weights, likelihood, paths)


def _paths(group: xr.Dataset) -> Paths | None:
    if PATHS not in group.attrs:
        return None
    difference, where = (group.attrs[name] for name in PATH_DIFFERENCE)
    return Paths(group[PATH].values.ravel(), int(group.attrs[PATHS]), float(difference), str(where))


def labels_of(variable: xr.DataArray) -> list[str]:
    """Return a label for each element of a drawn variable, its last dimension running fastest."""
    axes = [_axis_labels(variable, str(d)) for d in variable.dims if d not in SAMPLE_DIMS]
    return [", ".join(labels) for labels in product(*axes)]


def is_labelled(variable: xr.DataArray, dim: str) -> bool:
    """Tell whether a dimension of a variable has labels, and not numbers."""
    return dim in variable.coords and not np.issubdtype(variable.coords[dim].dtype, np.number)


def observation_labels(path: Path) -> list[str]:
    """Return a label for each observation that a fit's log likelihood is of."""
    with open_draws(path, "log_likelihood") as tree:
        (group,) = tree.children.values()
        variable = next(iter(group.dataset.data_vars.values()))
        return labels_of(variable)


def never_close_again(error: BaseException | None) -> None:
    """Mark the files that an error left open as closed.

    h5netcdf closes a file once more when it is collected, and HDF5 crashes on one that it could not
    close before, as on a full disk: the process would be gone before it has said so.
    """
    while error is not None:
        for frame, _ in walk_tb(error.__traceback__):
            for value in frame.f_locals.values():
                if isinstance(value, h5netcdf.File):
                    value._closed = True
        error = error.__context__


def _axis_labels(variable: xr.DataArray, dim: str) -> list[str]:
    numbers = range(1, variable.sizes[dim] + 1)
    return [visible(str(v)) for v in (variable[dim].values if dim in variable.coords else numbers)]


def _open(path: Path, group: str) -> xr.Dataset:
    return xr.open_dataset(path, group=group, engine=_ENGINE, cache=False)


def _plain(dataset: xr.Dataset) -> xr.Dataset:
    """Return a group as it is written: nothing of how a file held it before, and no fill value."""
    plain = dataset.drop_encoding()
    for variable in plain.variables.values():
        variable.encoding["_FillValue"] = None
    return plain


def _is_fit(tree: xr.DataTree) -> bool:
    return POSTERIOR in tree.children or POINT in tree.children


def _drawn(tree: xr.DataTree) -> Iterator[tuple[xr.Dataset, str]]:
    """Yield the variables of the program: of the posterior's groups, else of the prior's."""
    groups = POSTERIOR_GROUPS if _is_fit(tree) else PRIOR_GROUPS[:1]
    for group in groups:
        if group in tree.children:
            dataset = tree[group].dataset
            for name in dataset.data_vars:
                yield dataset, str(name)


def _scalars(density: xr.Variable, variables: Sequence[tuple[xr.Dataset, str]]) -> Scalars:
    """Read the log density and the variables, one after the other, into one array."""
    sizes = [prod(dataset.variables[name].shape[2:]) for dataset, name in variables]
    values = np.empty((*density.shape, 1 + sum(sizes)))
    values[:, :, 0] = density.values
    names, labels, start, spans = ["lp__"], ["lp__"], 1, [Span(0, 1, (), sampled=False)]
    for (dataset, name), size in zip(variables, sizes, strict=True):
        variable = dataset.variables[name]
        if size:
            values[:, :, start : start + size] = variable.values.reshape(*density.shape, size)
        of_variable = list(_names(name, variable))
        names += of_variable
        labels += _labels(dataset, name, of_variable)
        spans.append(_span(variable, start, start + size))
        start += size
    return Scalars(names, values, spans, labels)


def _span(variable: xr.Variable, start: int, stop: int) -> Span:
    sampled = variable.attrs["block"] == "parameters"
    constraint = str(variable.attrs.get("constraint", ""))
    return Span(start, stop, variable.shape[2:], sampled=sampled, constraint=constraint)


def _names(name: str, variable: xr.Variable) -> Iterator[str]:
    pattern = _pattern(name, variable)
    return scalar_names(pattern, variable.shape[2:], is_complex=variable.dims[-1] == PART)


def _labels(dataset: xr.Dataset, name: str, names: Sequence[str]) -> Sequence[str]:
    return scalar_labels(dataset, name, _pattern(name, dataset.variables[name]), names)


def _pattern(name: str, variable: xr.Variable) -> str:
    pattern: str = variable.attrs.get("scalar", default_pattern(name, variable.ndim - 2))
    return pattern

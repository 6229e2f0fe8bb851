"""Chains → an xarray DataTree with ArviZ's groups; its variables are views of the chains' array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr
from arviz_base.base import make_attrs
from numpy.typing import NDArray

from stanchion.draws.columns import Column, Container, containers, default_pattern
from stanchion.draws.data import data_arrays
from stanchion.draws.labels import FACTOR
from stanchion.draws.naming import CONSTRAINED, GATED, Dimension, Naming, Roles, stored_name
from stanchion.draws.sampler import PATH, sampler_stats
from stanchion.draws.stan_csv import Adaptation, Chains
from stanchion.errors import ChainError

SAMPLE_DIMS = ("chain", "draw")
POSTERIOR, PROPOSAL, ADAPTATION = "posterior", "proposal", "adaptation"
STATISTICS = ("log_p", "log_q", "log_weight", PATH)
"""What the proposal says of each draw, by name."""
PATHS = "paths"
PATH_DIFFERENCE = ("path_difference", "path_difference_where")
"""Attributes of the proposal of several paths: how many there were to
be, and how far one is from all."""
POINT, MODES = "point", "modes"
POSTERIOR_GROUPS = (
    POSTERIOR,
    POINT,
    "posterior_predictive",
    "predictions",
    "log_likelihood",
    "log_prior",
)
PRIOR_GROUPS = ("prior", "prior_predictive", "sample_stats_prior")
WARMUP_GROUPS = ("warmup_posterior", "warmup_sample_stats")
GROUPS = (
    *POSTERIOR_GROUPS,
    "sample_stats",
    *PRIOR_GROUPS,
    *WARMUP_GROUPS,
    ADAPTATION,
    PROPOSAL,
    MODES,
    "observed_data",
    "constant_data",
)
"""The groups of draws.nc and prior.nc, in the order of the file."""
_MOST_NUMBERED = 64
"""Dimensions of a group that get numbers: h5netcdf reads coordinates in the square of their number,
300 of them in 15 s where the 300 variables alone take 2 s."""
_PRIOR_NAMES = {
    "posterior": "prior",
    "posterior_predictive": "prior_predictive",
    "sample_stats": "sample_stats_prior",
    "observed_data": "observed_data",
}


@dataclass
class _Group:
    """Variables of a group, its sample dimensions with their lengths, and the named dimensions."""

    samples: Mapping[str, int] = field(default_factory=dict)
    variables: dict[str, xr.Variable] = field(default_factory=dict)
    dimensions: dict[str, Dimension] = field(default_factory=dict)

    def add(self, name: str, variable: xr.Variable) -> None:
        """Add a variable.

        Raises:
            ChainError: the group has one of this name.
        """
        if name in self.variables:
            raise ChainError(
                f"two variables of the program would have the name {name} in draws.nc",
                todo=f"rename {name} in the program",
            )
        self.variables[name] = variable

    def dataset(self, chains: Chains) -> xr.Dataset:
        """Return them with a coordinate for each dimension.

        These are labels, else numbers from 1 as Stan counts; chains and draws count from 0. Numbers
        are left out where there would be many. Labels that are the levels or values of a column say
        so.
        """
        sizes = {
            str(d): n for variable in self.variables.values() for d, n in variable.sizes.items()
        }
        coords = {dim: xr.Variable(dim, np.arange(n)) for dim, n in self.samples.items()}
        for dim, length in sizes.items():
            if dim in coords:
                continue
            dimension = self.dimensions.get(dim)
            if dimension is not None and dimension.labels:
                factor = {FACTOR: dimension.factor} if dimension.factor else {}
                coords[dim] = xr.Variable(dim, np.array(dimension.labels), factor)
            elif len(sizes) <= _MOST_NUMBERED:
                coords[dim] = xr.Variable(dim, np.arange(1, length + 1))
        return xr.Dataset(self.variables, coords, _attributes(list(self.samples), chains))


def posterior_tree(
    chains: Chains, naming: Naming, roles: Roles, data: Mapping[str, Any]
) -> xr.DataTree:
    """Return the draws and the data of a fit by group, variables in declared order.

    Warm-up and adaptation are there where the chains hold them.

    Raises:
        ChainError: the chains do not hold what the program declares.
    """
    groups = _drawn_groups(chains, chains.values, naming, roles)
    groups["sample_stats"] = _sample_stats(chains, chains.values)
    if chains.warmup is not None:
        warmup = _drawn_groups(chains, chains.warmup, naming, roles)
        groups["warmup_posterior"] = warmup["posterior"]
        groups["warmup_sample_stats"] = _sample_stats(chains, chains.warmup)
    if chains.adaptation:
        groups[ADAPTATION] = _adaptation(chains.adaptation)
    return _tree(groups | _data_groups(data, naming, roles), chains)


def prior_tree(
    chains: Chains, naming: Naming, roles: Roles, data: Mapping[str, Any]
) -> xr.DataTree:
    """Return draws from the prior by group: prior, prior_predictive, and what they are held to."""
    tree = posterior_tree(chains, naming, roles, data)
    return xr.DataTree.from_dict(
        {
            _PRIOR_NAMES[name]: group.to_dataset()
            for name, group in tree.children.items()
            if name in _PRIOR_NAMES
        }
    )


def point_tree(
    chains: Chains, naming: Naming, roles: Roles, data: Mapping[str, Any]
) -> xr.DataTree:
    """Return the one row of a method that gives a point, and the data, by group.

    Parameters and transformed parameters stand in `point`; generated quantities, which may be
    random numbers, are left out.

    Raises:
        ChainError: the chain does not hold what the program declares.
    """
    declared = {name: d for name, d in naming.declared.items() if d.block in GATED}
    rest = [
        index
        for index, header in enumerate(chains.columns)
        if header.endswith("__") or _base(header) in declared
    ]
    columns = tuple(chains.columns[index] for index in rest)
    without = replace(chains, columns=columns, values=chains.values[:, :, rest])
    tree = posterior_tree(without, replace(naming, declared=declared), roles, data)
    groups = {name: group.to_dataset() for name, group in tree.children.items()}
    return xr.DataTree.from_dict({POINT: groups.pop(POSTERIOR), **groups})


def note_weighting(tree: xr.DataTree, attributes: Mapping[str, str]) -> None:
    """Let each group of draws of the posterior say how an approximation's draws were weighted."""
    for name in POSTERIOR_GROUPS:
        if name in tree.children:
            tree[name].attrs.update(attributes)


def proposal_name(name: str) -> str:
    """Return the name in the group `proposal` of a variable of the program."""
    return f"{name}_" if name in STATISTICS else stored_name(name)


def proposal_group(
    chains: Chains, naming: Naming, statistics: Mapping[str, NDArray[Any]]
) -> xr.Dataset:
    """Return all that an approximation drew, under the program's names, with a number a draw.

    `statistics` are `draw` long, named as in STATISTICS; a variable of the program that has the
    name of one is stored with an underscore behind it.
    """
    group = _Group(_samples(chains.values))
    for drawn in _drawn(chains, chains.values, naming, Roles()):
        name = f"{drawn.name}_" if drawn.name in STATISTICS else drawn.name
        group.add(name, _variable(drawn, naming, group.dimensions))
    for name, values in statistics.items():
        group.add(name, xr.Variable(SAMPLE_DIMS, values[None]))
    return group.dataset(chains)


@dataclass(frozen=True)
class _Drawn:
    """A drawn variable: its group, its name there and in the program, its scalars' names."""

    group: str
    name: str
    declared: str
    pattern: str
    values: NDArray[np.float64]
    complex: bool


def _drawn_groups(
    chains: Chains, values: NDArray[np.float64], naming: Naming, roles: Roles
) -> dict[str, _Group]:
    """Return the drawn variables by group; there is always a posterior."""
    groups = {"posterior": _Group(_samples(values))}
    for drawn in _drawn(chains, values, naming, roles):
        group = groups.setdefault(drawn.group, _Group(_samples(values)))
        group.add(drawn.name, _variable(drawn, naming, group.dimensions))
    return groups


def _drawn(
    chains: Chains, values: NDArray[np.float64], naming: Naming, roles: Roles
) -> Iterator[_Drawn]:
    """Yield what a draw holds, in the order of its declaration."""
    order = {name: rank for rank, name in enumerate(naming.declared)}
    drawn = [*_of_columns(chains, values, naming, roles)]
    drawn += _without_elements({entry.declared for entry in drawn}, values, naming, roles)
    return iter(sorted(drawn, key=lambda entry: order[entry.declared]))


def _of_columns(
    chains: Chains, values: NDArray[np.float64], naming: Naming, roles: Roles
) -> Iterator[_Drawn]:
    for container in containers(chains.columns):
        if container.name.endswith("__"):
            continue
        group, name = roles.drawn(container.name)
        declared, pattern = _declared(container, naming), container.pattern
        yield _Drawn(group, name, declared, pattern, container.of(values), container.complex)


def _without_elements(
    present: set[str], values: NDArray[np.float64], naming: Naming, roles: Roles
) -> Iterator[_Drawn]:
    """Yield the declared variables that no column speaks of, because they have no elements."""
    for base, about in naming.declared.items():
        if base in present or about.type == "tuple":
            continue
        shape = naming.empty_shape(base)
        if shape is None:
            raise ChainError(f"the chains do not hold {base}, which the program declares")
        is_complex = about.type == "complex"
        group, name = roles.drawn(base)
        empty = np.empty((*values.shape[:2], *shape, *([2] if is_complex else [])))
        pattern = default_pattern(base, empty.ndim - 2)
        yield _Drawn(group, name, base, pattern, empty, is_complex)


def _declared(container: Container, naming: Naming) -> str:
    if container.base not in naming.declared:
        raise ChainError(
            f"the chains hold {container.base}, which the program does not declare",
            todo="delete the chains and run again",
        )
    return container.base


def _variable(drawn: _Drawn, naming: Naming, dimensions: dict[str, Dimension]) -> xr.Variable:
    about = naming.declared[drawn.declared]
    shape = drawn.values.shape[2:]
    dims = naming.dims(
        drawn.name, drawn.declared, shape, is_complex=drawn.complex, claimed=dimensions
    )
    attrs = {"block": about.block, "type": about.type}
    if about.kind in CONSTRAINED:
        attrs["constraint"] = about.kind
    if drawn.pattern != default_pattern(drawn.name, len(shape)):
        attrs["scalar"] = drawn.pattern
    values = _integers(drawn.values) if about.type == "int" else drawn.values
    return xr.Variable((*SAMPLE_DIMS, *dims), values, attrs)


def _integers(values: NDArray[np.float64]) -> NDArray[Any]:
    """Return whole numbers as such; as they stand where the sampler wrote NaN for one of them.

    64 bits for Stan's 32, so that sums and squares of them stay exact.
    """
    whole = values.astype(np.int64) if np.isfinite(values).all() else values
    return whole if np.array_equal(whole, values) else values


def _sample_stats(chains: Chains, values: NDArray[np.float64]) -> _Group:
    stats = sampler_stats(chains.columns, values, chains.max_treedepth)
    variables = {name: xr.Variable(SAMPLE_DIMS, drawn) for name, drawn in stats.items()}
    return _Group(_samples(values), variables)


def _adaptation(adaptation: tuple[Adaptation, ...]) -> _Group:
    """Return what each chain adapted to; a unit metric has no elements."""
    step_size = np.array([chain.step_size for chain in adaptation])
    group = _Group({"chain": len(adaptation)}, {"step_size": xr.Variable("chain", step_size)})
    metric = np.stack([chain.inverse_metric for chain in adaptation])
    if metric.size:
        dims = ("chain", *(f"inv_metric_dim_{axis}" for axis in range(metric.ndim - 1)))
        group.add("inv_metric", xr.Variable(dims, metric))
    return group


def _data_groups(data: Mapping[str, Any], naming: Naming, roles: Roles) -> dict[str, _Group]:
    groups: dict[str, _Group] = {}
    for key, values in data_arrays(data, naming):
        group_name, name = roles.data(key)
        group = groups.setdefault(group_name, _Group())
        dims = naming.dims(name, key, values.shape, is_complex=False, claimed=group.dimensions)
        group.add(name, xr.Variable(dims, values))
    return groups


def _base(header: str) -> str:
    return Column.parse(header).variable.split(".", 1)[0]


def _samples(values: NDArray[np.float64]) -> dict[str, int]:
    return dict(zip(SAMPLE_DIMS, values.shape[:2], strict=True))


def _tree(groups: Mapping[str, _Group], chains: Chains) -> xr.DataTree:
    return xr.DataTree.from_dict(
        {name: groups[name].dataset(chains) for name in GROUPS if name in groups}
    )


def _attributes(sample_dims: list[str], chains: Chains) -> dict[str, Any]:
    """Return ArviZ's attributes of a group, without the clock, and what made the draws."""
    library = {"inference_library": chains.library, "inference_library_version": chains.version}
    known = {name: text for name, text in library.items() if text is not None}
    attrs = make_attrs(attrs=known, sample_dims=sample_dims)
    del attrs["created_at"]
    return attrs

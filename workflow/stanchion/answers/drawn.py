"""The draws of a program's variables: what the names of an expression stand for in a fit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr
from numpy.typing import NDArray

from stanchion.answers.variables import UNREADABLE
from stanchion.draws.files import open_draws, without_value
from stanchion.draws.labels import axis_labels, labels_along
from stanchion.draws.naming import BLOCKS, Roles
from stanchion.draws.tree import (
    POINT,
    POSTERIOR,
    POSTERIOR_GROUPS,
    PROPOSAL,
    proposal_name,
)
from stanchion.expressions.arrays import Arrays
from stanchion.expressions.check import Axis, Kind
from stanchion.expressions.replicated import type_of
from stanchion.stan.program import Variable

Array = NDArray[Any]
_DATA = ("observed_data", "constant_data")


class NoValueError(Exception):
    """A variable has no value in some draws; the message says in how many."""


@dataclass(frozen=True, kw_only=True)
class Drawn(Arrays):
    """The variables of a fit with their values: `chain × draw × shape`, and data `shape`."""

    tree: xr.DataTree = field(repr=False)
    stored: Mapping[str, tuple[str, str]]
    """Group and name in the file, by the program's name."""

    def values(self, name: str) -> Array:
        """Return a variable's values.

        Raises:
            NoValueError: an integer was not assigned in some draws.
        """
        group, stored = self.stored[name]
        values = self.tree[group].dataset[stored].values
        if self.kinds[name].type == "int" and (missing := without_value(values, "int")).any():
            raise NoValueError(f"`{name}` has no value{_in_draws(missing)}")
        return values

    def texts(self, axis: Axis) -> tuple[str, ...]:
        """Return what stands for each index of a dimension in labels of rows."""
        for name, (group, stored) in self.stored.items():
            dataset = self.tree[group].dataset
            for dim, its in zip(_dims(dataset, stored), self.kinds[name].axes, strict=True):
                if its == axis:
                    return tuple(axis_labels(dataset, dim))
        raise AssertionError(axis)


@contextmanager
def open_variables(
    path: Path,
    declared: Mapping[str, Sequence[Variable]],
    roles: Roles,
    names: Collection[str],
    *,
    proposal: bool = False,
) -> Iterator[Drawn]:
    """Yield those of these variables that a draws.nc has; each is read when it is asked for.

    With `proposal`, they are those of an approximation's draws as they came.
    """
    drawn = (PROPOSAL,) if proposal else POSTERIOR_GROUPS
    with open_draws(path, *drawn, *_DATA) as tree:
        wanted = {
            block: [variable for variable in variables if variable.name in names]
            for block, variables in declared.items()
        }
        stored = dict(_stored(tree, wanted, roles, proposal=proposal))
        kinds = {
            name: _drawn_kind(tree[group].dataset, own) for name, (group, own) in stored.items()
        }
        yield Drawn(kinds, tree=tree, stored=stored)


def _stored(
    tree: xr.DataTree, declared: Mapping[str, Sequence[Variable]], roles: Roles, *, proposal: bool
) -> Iterator[tuple[str, tuple[str, str]]]:
    readable = (
        (block, variable.name)
        for block, variables in declared.items()
        for variable in variables
        if variable.type not in UNREADABLE
    )
    for block, variable in readable:
        if block not in BLOCKS:
            group, name = roles.data(variable)
        elif proposal:
            group, name = PROPOSAL, proposal_name(variable)
        else:
            group, name = roles.drawn(variable)
            group = POINT if group == POSTERIOR and POINT in tree.children else group
        if group in tree.children and name in tree[group].dataset:
            yield variable, (group, name)


def _drawn_kind(dataset: xr.Dataset, name: str) -> Kind:
    axes = (
        Axis(dim, dataset.sizes[dim], labels_along(dataset, dim)) for dim in _dims(dataset, name)
    )
    return Kind(type_of(dataset[name].dtype), tuple(axes))


def _dims(dataset: xr.Dataset, name: str) -> list[str]:
    return [str(dim) for dim in dataset[name].dims if dim not in ("chain", "draw")]


def _in_draws(missing: Array) -> str:
    """Say in how many draws something is missing; nothing where it is in all of the data."""
    if missing.ndim < 2:
        return ""
    by_draw = missing.reshape(*missing.shape[:2], -1).any(axis=2)
    return f" in {int(by_draw.sum())} of {by_draw.size} draws"

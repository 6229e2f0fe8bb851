"""Labels of scalars: `theta[school=A]` for Stan's `theta[1]`, by the coordinates of its group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import xarray as xr

from stanchion.draws.columns import labelled_names
from stanchion.draws.naming import PART
from stanchion.system.sentences import visible

FACTOR = "factor"
"""An attribute of a coordinate whose labels are the levels of a column: the column's name."""


def scalar_labels(
    dataset: xr.Dataset, name: str, pattern: str, names: Sequence[str]
) -> Sequence[str]:
    """Return the label of each scalar of a variable, its last index running fastest.

    `pattern` has # for each index of Stan's `names`. A label that several scalars have is followed
    by their names; without labelled coordinates the names are the labels.
    """
    dims = [str(dim) for dim in dataset.variables[name].dims[2:]]
    if not any(is_labelled(dataset, dim) for dim in dims):
        return names
    labels = list(labelled_names(pattern, [axis_labels(dataset, dim) for dim in dims]))
    counts = Counter(labels)
    return [
        label if counts[label] == 1 else f"{label} ({name})"
        for label, name in zip(labels, names, strict=True)
    ]


def is_labelled(dataset: xr.Dataset | xr.DataArray, dim: str) -> bool:
    """Tell whether a dimension has labels, and not numbers alone."""
    if dim == PART or dim not in dataset.coords:
        return False
    return not np.issubdtype(dataset.coords[dim].dtype, np.number)


def labels_along(data: xr.Dataset | xr.DataArray, dim: str) -> tuple[str, ...] | None:
    """Return the labels along a dimension, None where it has numbers alone."""
    return tuple(data.coords[dim].values.tolist()) if is_labelled(data, dim) else None


def factors(tree: xr.DataTree) -> dict[str, str]:
    """Return the column whose levels label a dimension, by dimension, over a tree's groups."""
    return {
        str(name): str(coordinate.attrs[FACTOR])
        for group in tree.children.values()
        for name, coordinate in group.coords.items()
        if coordinate.attrs.get(FACTOR)
    }


def axis_labels(dataset: xr.Dataset, dim: str) -> list[str]:
    """Return what stands for each index of a dimension: a label, `factor=level`, else a number."""
    if dim not in dataset.coords:
        return [str(number) for number in range(1, dataset.sizes[dim] + 1)]
    coordinate = dataset.coords[dim]
    texts = [visible(str(value)) for value in coordinate.values.tolist()]
    if not is_labelled(dataset, dim):
        return texts
    factor = coordinate.attrs.get(FACTOR)
    if factor:
        return [f"{visible(str(factor))}={text}" for text in texts]
    return [f"{dim}={text}" if text.isdecimal() else text for text in texts]

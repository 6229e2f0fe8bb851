"""What the program and the data say of the draws: blocks, named dimensions, groups."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from stanchion.draws.columns import PARTS
from stanchion.stan.program import Variable
from stanchion.system.sentences import visible

BLOCKS = ("parameters", "transformed_parameters", "generated_quantities")
GATED = BLOCKS[:2]
PART = "part"
TRIANGULAR = frozenset({"cholesky_factor_corr", "cholesky_factor_cov", "corr_matrix"})
"""Types whose elements are partly the same in every draw: a triangle of zeros, a diagonal of 1."""
VECTORS = frozenset({"simplex", "unit_vector", "sum_to_zero_vector"})
SUMMED = VECTORS | {"sum_to_zero_matrix", "column_stochastic_matrix", "row_stochastic_matrix"}
"""Types whose elements determine each other, so that a single one is the same in every draw."""
CONSTRAINED = TRIANGULAR | SUMMED
_RESERVED = frozenset({"chain", "draw", "sample", PART})


def stored_name(name: str) -> str:
    """Return the name in a file of a variable: one that ArviZ's dimensions have gets a `_`."""
    return f"{name}_" if name in _RESERVED else name


def program_name(stored: str) -> str:
    """Return the name in the program of a variable in a file."""
    return stored[:-1] if stored[:-1] in _RESERVED and stored.endswith("_") else stored


@dataclass(frozen=True)
class Declared:
    """A variable as the program declares it; `kind` is the type that it wrote."""

    name: str
    block: str
    type: str
    sizes: tuple[str, ...]
    kind: str = ""

    @classmethod
    def of(cls, variable: Variable, block: str) -> Declared:
        """Take a variable of a program."""
        return cls(variable.name, block, variable.type, variable.sizes, variable.kind)


@dataclass(frozen=True)
class Roles:
    """Which variables are data, replications and predictions; None where nothing is declared."""

    observed: str | None = None
    replicated: str | None = None
    predicted: str | None = None

    def drawn(self, name: str) -> tuple[str, str]:
        """Return the group of a drawn variable and its name there, as ArviZ has them."""
        if name == "log_lik":
            return "log_likelihood", stored_name(self.observed or name)
        if name == "lprior":
            return "log_prior", name
        if name == self.replicated:
            return "posterior_predictive", stored_name(self.observed or name)
        if name == self.predicted:
            return "predictions", stored_name(name)
        return "posterior", stored_name(name)

    def data(self, name: str) -> tuple[str, str]:
        """Return the group of a data variable and its name there."""
        return "observed_data" if name == self.observed else "constant_data", stored_name(name)


@dataclass(frozen=True)
class Dimension:
    """A named dimension: its length, its labels, and the column that these are the levels of.

    Labels hold no control characters: HDF5 ends a text at the first NUL.
    """

    name: str
    length: int
    labels: tuple[str, ...] | None
    factor: str | None = None


@dataclass(frozen=True)
class Naming:
    """Dimensions by the size that a declaration names (`J` → school), for one fit.

    `declared` holds what a draw holds, `data` the program's data.
    """

    declared: Mapping[str, Declared]
    sizes: Mapping[str, int]
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    data: Mapping[str, Declared] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        variables: Mapping[str, Sequence[Variable]],
        data: Mapping[str, Any],
        meta: Mapping[str, Any],
    ) -> Naming:
        """Gather declared variables, integer data and the sizes that the mapping named."""
        declared = {v.name: Declared.of(v, block) for block in BLOCKS for v in variables[block]}
        inputs = {v.name: Declared.of(v, "data") for v in variables.get("data", ())}
        sizes = {name: value for name, value in data.items() if type(value) is int}
        taken = _RESERVED | declared.keys() | data.keys()
        return cls(declared, sizes, _dimensions(meta["sizes"], sizes, taken), inputs)

    def dims(
        self,
        name: str,
        declared: str,
        shape: Sequence[int],
        *,
        is_complex: bool,
        claimed: dict[str, Dimension],
    ) -> tuple[str, ...]:
        """Return a dimension's name for each index of a variable, and claim it in its group.

        A size that the mapping named gives its name, once in a variable, and to the first of a
        group where they differ; any other dimension is `<name>_dim_<i>`, with the size's labels
        where it has some. Complex numbers end in `part`.
        """
        real = shape[:-1] if is_complex else shape
        about = self.declared.get(declared) or self.data.get(declared)
        sizes = about.sizes if about is not None and len(about.sizes) == len(real) else ()
        dims: list[str] = []
        for axis, length in enumerate(real):
            dimension = self.dimensions.get(sizes[axis]) if sizes else None
            fits = (
                dimension is not None and dimension.length == length and dimension.name not in dims
            )
            if (
                dimension is not None
                and fits
                and claimed.setdefault(dimension.name, dimension) == dimension
            ):
                dims.append(dimension.name)
            else:
                default = self._default_dim(name, axis)
                if dimension is not None and dimension.labels and dimension.length == length:
                    claimed[default] = replace(dimension, name=default)
                dims.append(default)
        if is_complex:
            claimed[PART] = Dimension(PART, len(PARTS), PARTS)
            dims.append(PART)
        return tuple(dims)

    def size(self, declared: str) -> int | None:
        """Return a declared size: a number or integer data; None where it is computed."""
        return self.sizes.get(declared, _literal(declared))

    def _default_dim(self, name: str, axis: int) -> str:
        """Return ArviZ's name of a dimension, with a `_` where a variable has that name."""
        dim = f"{name}_dim_{axis}"
        while dim in self.declared or dim in self.data:
            dim += "_"
        return dim

    def empty_shape(self, name: str) -> tuple[int, ...] | None:
        """Return the shape of a declared variable without elements; None where it must have some.

        A size that is neither a number nor integer data counts as 0 if no other size is.
        """
        sizes = [self.size(size) for size in self.declared[name].sizes]
        if 0 not in sizes and None not in sizes:
            return None
        unknown = 1 if 0 in sizes else 0
        return tuple(unknown if size is None else size for size in sizes)


def variable_of(scalar: str) -> str:
    """Return the variable that a scalar belongs to: `theta` of `theta[1]`."""
    return re.split(r"[\[.]", scalar, maxsplit=1)[0]


def _dimensions(
    named: Mapping[str, Mapping[str, Any]], sizes: Mapping[str, int], taken: Set[str]
) -> dict[str, Dimension]:
    """Return dimensions by the size that declares them, none under the name of a variable."""
    dimensions = {}
    for size in named.keys() & sizes.keys():
        name, labels, length = named[size]["dim"], named[size]["labels"], sizes[size]
        fit = labels is not None and len(labels) == length > 0
        shown = f"{name}_dim" if name in taken else name
        while shown in taken:
            shown += "_"
        factor = named[size].get("factor")
        dimensions[size] = Dimension(
            shown, length, tuple(map(visible, labels)) if fit else None, factor
        )
    return dimensions


def _literal(size: str) -> int | None:
    return int(size) if size.isdecimal() else None

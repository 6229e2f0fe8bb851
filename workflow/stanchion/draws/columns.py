"""Stan's flat columns and the containers they come from: names, shapes, order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.errors import ChainError

PARTS = ("real", "imag")
_STEP = re.compile(r"([.:])([^.:]+)")
_PLACE = "#"


@dataclass(frozen=True)
class Column:
    """A scalar: `x.1:2.3` is element 3 of slot 2 of the tuple x[1].

    `variable` is the container that is one array (`x.2`), `indices` its indices there from 0,
    `pattern` Stan's name of such a scalar, with # for each index (`x[#].2[#]`).
    """

    variable: str
    indices: tuple[int, ...]
    pattern: str
    name: str

    @classmethod
    def parse(cls, header: str) -> Column:
        """Parse a name of a Stan CSV."""
        base = re.split(r"[.:]", header, maxsplit=1)[0]
        variable, pattern, indices, shown = base, base, list[int](), list[str]()
        for mark, step in _STEP.findall(header[len(base) :]):
            if mark == ":":
                variable, pattern = f"{variable}.{step}", f"{pattern}.{step}"
                continue
            indices.append(PARTS.index(step) if step in PARTS else int(step) - 1)
            shown.append(step)
            opened = pattern.endswith("]")
            pattern = f"{pattern[:-1]},{_PLACE}]" if opened else f"{pattern}[{_PLACE}]"
        return cls(variable, tuple(indices), pattern, _fill(pattern, shown))


@dataclass(frozen=True)
class Span:
    """A variable's scalars among columns that stand side by side: from `start` to `stop`.

    `sampled` says that it is a parameter, `constraint` its type (`simplex`) where that makes some
    of its elements the same in every draw.
    """

    start: int
    stop: int
    shape: tuple[int, ...]
    sampled: bool
    constraint: str = ""


@dataclass(frozen=True)
class Container:
    """A variable of the program, or a slot of a tuple, and the columns of its scalars.

    `positions` has the container's shape; `complex` containers end in a dimension of length 2.
    """

    name: str
    pattern: str
    positions: NDArray[np.intp]
    complex: bool

    @property
    def base(self) -> str:
        """The name that the program declares."""
        return self.name.split(".", 1)[0]

    def of(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `chain × draw × shape` of `chain × draw × column`, a view where columns adjoin.

        Stan writes arrays with their first index running fastest.
        """
        first, shape = self.positions.flat[0], self.positions.shape
        in_order = np.arange(first, first + self.positions.size)
        if not np.array_equal(self.positions.ravel(order="F"), in_order):
            return values[:, :, self.positions]
        adjoining = values[:, :, first : first + self.positions.size]
        backwards = adjoining.reshape(*values.shape[:2], *shape[::-1])
        return backwards.transpose(0, 1, *range(backwards.ndim - 1, 1, -1))


def containers(headers: Sequence[str]) -> list[Container]:
    """Gather the columns of a Stan CSV into containers, in order of appearance.

    Raises:
        ChainError: elements of a container are missing.
    """
    gathered: dict[str, list[tuple[int, Column]]] = {}
    for position, header in enumerate(headers):
        column = Column.parse(header)
        gathered.setdefault(column.variable, []).append((position, column))
    return [_container(name, scalars) for name, scalars in gathered.items()]


def scalar_names(pattern: str, shape: Sequence[int], *, is_complex: bool = False) -> Iterator[str]:
    """Yield Stan's names of a container's scalars, its last index running fastest."""
    for indices in np.ndindex(*shape):
        shown = [str(index + 1) for index in indices]
        if is_complex:
            shown[-1] = PARTS[indices[-1]]
        yield _fill(pattern, shown)


def labelled_names(pattern: str, axes: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield names with a label for each index; `axes` are the labels along each dimension."""
    for shown in product(*axes):
        yield _fill(pattern, shown)


def stan_headers(pattern: str, shape: Sequence[int], *, is_complex: bool = False) -> list[str]:
    """Return a Stan CSV's names of a container's scalars, its last index running fastest.

    They are `x.1:2.3` for the pattern `x[#].2[#]`.
    """
    outer, *slots = re.split(r"\.(?=\d)", pattern)
    parts = [part.partition("[")[0] for part in (outer, *slots)]
    headers = []
    for indices in np.ndindex(*shape):
        shown = [f".{index + 1}" for index in indices]
        if is_complex:
            shown[-1] = f".{PARTS[indices[-1]]}"
        rest = iter(shown)
        counts = [part.count(_PLACE) for part in (outer, *slots)]
        pieces = [
            name + "".join(next(rest) for _ in range(n))
            for name, n in zip(parts, counts, strict=True)
        ]
        headers.append(":".join(pieces))
    return headers


def flat_columns(
    variables: Mapping[str, NDArray[Any]], samples: tuple[int, int]
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return names and values (`chain × draw × column`) as Stan CSVs have them of arrays.

    Variables are `chain × draw × shape`, of so many chains and draws; first indices run fastest.
    """
    names: list[str] = []
    parts = [np.empty((*samples, 0))]
    for name, values in variables.items():
        shape = values.shape[2:]
        indices = (index[::-1] for index in np.ndindex(*shape[::-1]))
        names += [".".join([name, *(str(i + 1) for i in index)]) for index in indices]
        backwards = values.transpose(0, 1, *range(values.ndim - 1, 1, -1))
        size = int(np.prod(shape, dtype=np.int64))
        parts.append(backwards.reshape(*samples, size).astype(np.float64))
    return tuple(names), np.concatenate(parts, axis=2)


def default_pattern(name: str, dimensions: int) -> str:
    """Return Stan's name of a scalar of an array, with # for each index."""
    return f"{name}[{','.join(_PLACE * dimensions)}]" if dimensions else name


def _container(name: str, scalars: list[tuple[int, Column]]) -> Container:
    columns = [column for _, column in scalars]
    indices = np.array([column.indices for column in columns], dtype=np.intp).T
    shape = tuple(int(along.max()) + 1 for along in indices)
    positions = np.full(shape, -1, dtype=np.intp)
    for position, column in scalars:
        positions[column.indices] = position
    if (positions < 0).any() or positions.size != len(scalars):
        raise ChainError(f"the chains hold {len(scalars)} of {positions.size} elements of {name}")
    is_complex = columns[0].name.endswith(("real]", "imag]"))
    return Container(name, columns[0].pattern, positions, is_complex)


def _fill(pattern: str, shown: Sequence[str]) -> str:
    pieces = pattern.split(_PLACE)
    return "".join(piece + index for piece, index in zip(pieces, [*shown, ""], strict=True))

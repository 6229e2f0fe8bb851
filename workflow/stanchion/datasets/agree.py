"""Whether values agree with what a program's `data` block declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stanchion.datasets.limits import beyond
from stanchion.errors import Fault
from stanchion.schema.locations import nearest

if TYPE_CHECKING:
    from stanchion.stan.program import Variable

PRIOR_SWITCH = "prior_only"
STAN_INT = 2**31 - 1
"""Stan's `int` has 32 bits."""

_NAME = re.compile(r"[A-Za-z]\w*")

Key = Callable[[str], str]
"""Stan variable → the key of the declaration that gives it."""


@dataclass(frozen=True)
class Cell:
    """Where a value stands in a table: `file:line`, and its column or expression of columns."""

    where: str
    column: str
    what: str = "column"


Cells = Callable[[str, tuple[int, ...]], Cell | None]
"""Variable and indices from 0 → the cell that the value comes from."""


@dataclass(frozen=True)
class Reader:
    """Who reads the data: its largest integer, what is said of a larger one, and what to do."""

    name: str
    integer: int
    words: str
    todo: str | None
    of_reals: str
    """The way out of a number that is not whole."""
    of_bounds: str
    """The way out of a value beyond a bound."""


STAN = Reader(
    "program",
    STAN_INT,
    "more than Stan's int can",
    "declare it real in the program",
    "the program's variable as real",
    "correct the value, or the bound in the program",
)
FAMILY = Reader(
    "family",
    2**53,
    "more than 2⁵³, up to where every count is a double",
    None,
    "use a family of real outcomes, such as normal",
    "correct the value, or name another column",
)


def unsupplied(variables: Sequence[Variable], supplied: Sequence[str], key: Key) -> list[Fault]:
    """Return a fault for each declared variable that nothing supplies."""
    declared = {variable.name for variable in variables}
    spare = [name for name in supplied if name not in declared]
    faults = []
    for variable in variables:
        if variable.name in supplied or variable.name == PRIOR_SWITCH:
            continue
        what = f"the program's data `{variable.name}` ({describe(variable)}) is not supplied"
        similar = nearest(variable.name, spare)
        todo = f"add `{variable.name}: …`"
        todo += f"; `{similar}` is supplied, and the program has none" if similar else ""
        faults.append(Fault(what, key=key(variable.name), todo=todo))
    return faults


def disagreements(
    variables: Sequence[Variable],
    values: Mapping[str, Any],
    key: Key,
    cell: Cells | None = None,
    reader: Reader = STAN,
) -> list[Fault]:
    """Return a fault for each value of another type, number of dimensions or size, or too far.

    `cell` finds the table's cell that a value comes from, where it comes from one.
    """
    faults = []
    for variable in variables:
        what, todo = _disagreement(variable, values, reader)
        if what:
            what, allowed = f"`{variable.name}` {what}", describe(variable)
            index = _offender(variable, values[variable.name], reader) if cell else None
            fault = Fault(what, key=key(variable.name), allowed=allowed, todo=todo)
            faults.append(_in_cell(fault, variable, values, cell, index))
        elif variable.type != "tuple" and (limit := beyond(variable, values)):
            what = f"`{variable.name}` {limit.what}"
            allowed = f"{limit.allowed}, by the {reader.name}"
            fault = Fault(what, key=key(variable.name), allowed=allowed, todo=reader.of_bounds)
            faults.append(_in_cell(fault, variable, values, cell, limit.index))
    return faults


def _in_cell(
    fault: Fault,
    variable: Variable,
    values: Mapping[str, Any],
    cell: Cells | None,
    index: tuple[int, ...] | None,
) -> Fault:
    """Return a fault with the row and the column of the value that it is of, where there is one."""
    location = cell(variable.name, index) if cell is not None and index else None
    if location is None or not index:
        return fault
    value = np.asarray(values[variable.name], dtype=object).item(index)
    what = f"{fault.what}, {location.what} `{location.column}`"
    return replace(fault, where=location.where, what=what, value=value)


def _offender(variable: Variable, value: Any, reader: Reader) -> tuple[int, ...] | None:
    """Return the indices of the first value that is no integer, or too large for one."""
    try:
        leaves = np.asarray(value, dtype=object)
    except ValueError:
        return None
    if variable.type != "int" or not leaves.ndim or leaves.ndim != variable.dimensions:
        return None
    is_real = np.frompyfunc(lambda leaf: isinstance(leaf, float), 1, 1)(leaves).astype(bool)
    is_odd = is_real & (leaves != np.floor(np.where(is_real, leaves, 0).astype(np.float64)))
    is_large = ~is_real & (abs(leaves) > reader.integer)
    for mask in (is_odd, is_real, is_large):
        if mask.any():
            return tuple(np.argwhere(mask)[0].tolist())
    return None


def describe(variable: Variable) -> str:
    """Return a declared type in words, such as `real, 2 dimensions [N, K]`."""
    if not variable.dimensions:
        return variable.type
    plural = "s" if variable.dimensions > 1 else ""
    sizes = f" [{', '.join(variable.sizes)}]" if all(variable.sizes) and variable.sizes else ""
    return f"{variable.type}, {variable.dimensions} dimension{plural}{sizes}"


def _disagreement(
    variable: Variable, values: Mapping[str, Any], reader: Reader
) -> tuple[str | None, str | None]:
    """Return what is wrong and what to do, or None twice."""
    if variable.type == "tuple":
        return None, None
    value = values[variable.name]
    leaves: list[Any] = []
    shape = _shape(value, leaves, reader.integer)
    if shape is None:
        return "is ragged: its rows have different lengths", None
    strange = [leaf for leaf in leaves if type(leaf) not in (int, float)]
    if strange:
        return f"holds {strange[0]!r}, which is no number", None
    if variable.type == "int":
        reals = [leaf for leaf in leaves if isinstance(leaf, float)]
        odd = next((real for real in reals if not real.is_integer()), next(iter(reals), None))
        if odd is not None:
            return f"is declared int and holds {odd!r}", _of_real(odd, reader)
        big = next((leaf for leaf in leaves if abs(leaf) > reader.integer), None)
        if big is not None:
            return f"holds {big}, {reader.words}", reader.todo
    return _shape_disagreement(variable, shape, bool(leaves), values), None


def _of_real(number: float, reader: Reader) -> str:
    """Return what to do with a real number that is to be an integer."""
    if reader is FAMILY and not number.is_integer():
        return f"correct the value, or {reader.of_reals}"
    return f"declare the column as `type: int`, or {reader.of_reals}"


def _shape_disagreement(
    variable: Variable, shape: tuple[int, ...], filled: bool, values: Mapping[str, Any]
) -> str | None:
    """Compare dimensions, then sizes that are plain names or numbers; `[]` fits any empty array."""
    dimensions = variable.dimensions + (variable.type == "complex")
    if (filled or not dimensions) and len(shape) != dimensions:
        return f"has {_counted(len(shape))}, not {dimensions}"
    sizes = [_size(size, values) for size in variable.sizes]
    if len(sizes) != variable.dimensions:
        return None
    if not filled and sizes:
        return None if any(size in (0, None) for size in sizes) else "is empty"
    for axis, (size, length) in enumerate(zip(sizes, shape, strict=False)):
        if size not in (length, None):
            which = f" in dimension {axis + 1}" if dimensions > 1 else ""
            return f"has {length} values{which}, and {variable.sizes[axis]} is {size}"
    return None


def _size(declared: str, values: Mapping[str, Any]) -> int | None:
    """Return a size that is a plain name or number, None where it is not known here."""
    if declared.isdecimal():
        return int(declared)
    size = values.get(declared) if _NAME.fullmatch(declared) else None
    return size if isinstance(size, int) else None


def _counted(dimensions: int) -> str:
    return f"{dimensions} dimension{'' if dimensions == 1 else 's'}"


def _shape(value: Any, leaves: list[Any], largest: int) -> tuple[int, ...] | None:
    """Return the sizes of an array or a nested list, None where it is ragged; collects its leaves.

    Of an array of one type these are its first number, the first that is not whole, and the first
    that is too large.
    """
    if isinstance(value, np.ndarray):
        large = value[(value > largest) | (value < -largest)]
        uneven = value[value != np.floor(value)] if value.dtype == np.float64 else large
        numbers = (
            [value.reshape(-1)[:1], uneven[:1], large[:1]]
            if value.dtype != object
            else [value.flatten()]
        )
        leaves += [number for part in numbers for number in part.tolist()]
        return value.shape
    if not isinstance(value, list):
        leaves.append(value)
        return ()
    if not any(isinstance(item, list) for item in value):
        leaves.extend(value)
        return (len(value),)
    shapes = {_shape(item, leaves, largest) for item in value}
    inner = shapes.pop()
    return None if shapes or inner is None else (len(value), *inner)

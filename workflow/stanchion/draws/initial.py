"""A row of a Stan CSV as initial values: the parameters on the declared scale, in Stan's JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from stanchion.draws.columns import PARTS
from stanchion.draws.naming import Naming

_STEP = re.compile(r"([.:])([^.:]+)")
_SLOT = ":"


def initial_values(columns: Sequence[str], row: Sequence[float], naming: Naming) -> dict[str, Any]:
    """Return the parameters of a row by name: a number, lists of lists, tuples by slot.

    A matrix is a list of its rows, a complex number `[real, imag]`, a tuple `{"1": …, "2": …}`, as
    Stan reads them (Stan Reference Manual, "JSON data format"). A parameter without elements, which
    has no column, is an empty list of its shape.
    """
    parameters = [x.name for x in naming.declared.values() if x.block == "parameters"]
    values: dict[str, Any] = {}
    for header, value in zip(columns, row, strict=True):
        name, *_ = re.split(r"[.:]", header, maxsplit=1)
        if name in parameters:
            _put(values, [("", name), *_STEP.findall(header[len(name) :])], float(value))
    for name in parameters:
        shape = naming.empty_shape(name) if name not in values else None
        if shape is not None:
            values[name] = _empty(shape)
    return {name: _plain(value) for name, value in values.items()}


def _put(values: dict[Any, Any], steps: Sequence[tuple[str, str]], value: float) -> None:
    """Put a scalar into dicts within dicts: by index from 1 in an array, by slot in a tuple."""
    for step in steps[:-1]:
        values = values.setdefault(_key(*step), {})
    values[_key(*steps[-1])] = value


def _key(mark: str, step: str) -> str | int:
    if not mark or mark == _SLOT:
        return step
    return PARTS.index(step) if step in PARTS else int(step)


def _plain(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if all(isinstance(key, int) for key in value):
        return [_plain(value[index]) for index in sorted(value)]
    return {key: _plain(inner) for key, inner in value.items()}


def _empty(shape: Sequence[int]) -> list[Any]:
    first, *rest = shape
    return [_empty(rest) for _ in range(first)] if rest else []

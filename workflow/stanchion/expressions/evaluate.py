"""A checked expression → NumPy arrays.

An array's last axes are those of its kind; axes before them, such as chain and draw, are common to
all that have any.
"""

from __future__ import annotations

import math
from datetime import date
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stanchion.expressions.catalogue import FUNCTIONS, Function
from stanchion.expressions.check import Kind, Typed, indices
from stanchion.expressions.faults import at_character
from stanchion.expressions.parser import LARGEST_INTEGER
from stanchion.expressions.tree import Binary, Call, Name, Number, Text, Unary

Array = NDArray[Any]

_COMPARE = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_ARITHMETIC = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}
_WHOLE = "whole numbers up to 2⁵³; write `1.0 *` before one to compute with real numbers"


class Environment(Protocol):
    """The arrays behind the names of a scope."""

    @property
    def settled(self) -> Environment:
        """What reductions are computed of: this, or that of the fitted rows."""

    def full_kind(self, name: str) -> Kind:
        """Return what a name stands for where no labels follow it."""

    def values(self, name: str) -> Array:
        """Return a name's values, whole numbers of days since 0001-01-01 for dates."""

    def call(self, call: Call) -> Array:
        """Return what a function of rows gives."""


class UndefinedError(Exception):
    """An operation without a finite value, or with an integer too large, where `mask` is true.

    `operands` are what it was of; `environment` is the one that it was computed in.
    """

    def __init__(
        self, typed: Typed, mask: Array, operands: list[Array], environment: Environment
    ) -> None:
        super().__init__(f"`{typed.text}` has no value")
        self.typed, self.mask, self.operands, self.environment = typed, mask, operands, environment

    @property
    def allowed(self) -> str | None:
        """What the operation may be of."""
        node = self.typed.node
        if isinstance(node, Call):
            return FUNCTIONS[node.function].allowed
        if self.typed.kind.type == "int":
            return _WHOLE
        divides = isinstance(node, Binary) and node.operator == "/"
        return "a divisor other than 0, and a finite result" if divides else "a finite result"

    def says(self, index: tuple[int, ...]) -> tuple[str, Any]:
        """Return what is wrong at one index of `mask`, and the value that is the cause."""
        operands = [
            (part, np.broadcast_to(array, self.mask.shape)[index].item())
            for part, array in zip(self.typed.parts, self.operands, strict=True)
            if not isinstance(part.node, Number)
        ]
        holds = " and ".join(f"`{part.text}` is {value!r}" for part, value in operands)
        large = self.typed.kind.type == "int"
        verb = "is too large" if large else "has no finite value"
        cause = operands[-1][1] if operands else None
        return f"`{self.typed.text}` {verb}" + (f" where {holds}" if holds else ""), cause


def evaluate(typed: Typed, environment: Environment) -> Array:
    """Return an expression's values, leading axes × those of its kind; bool for a condition.

    Raises:
        UndefinedError: an operation has no finite value somewhere.
        ExpressionError: a reduction is of too few elements.
    """
    match typed.node:
        case Number(value):
            return np.asarray(value)
        case Text(value):
            dated = typed.kind.type == "date"
            return np.asarray(date.fromisoformat(value).toordinal() if dated else value, object)
        case Name(name) as node:
            values = environment.values(name)
            if node.labels:
                positions: tuple[Any, ...] = indices(node, environment.full_kind(name))
                values = values[(..., *positions)]
            wrong = ~np.isfinite(values) if typed.kind.type == "real" else np.asarray(False)
            return _finite(typed, values, wrong, [], environment)
        case Call(function) as node:
            row = FUNCTIONS[function]
            if row.how == "data" and not typed.parts:
                return environment.call(node)
            if row.how == "reduction":
                return _reduced(row, typed, environment.settled)
            return _function(row, typed, environment)
        case Unary(operator):
            operand = evaluate(typed.parts[0], environment)
            if operator == "not":
                return np.logical_not(operand)
            return -_plain(operand) if operator == "-" else _plain(operand)
        case Binary(operator):
            return _binary(operator, typed, environment)


def _function(row: Function, typed: Typed, environment: Environment) -> Array:
    operands = [evaluate(part, environment) for part in typed.parts]
    if typed.parts[0].kind.type == "date":
        first, second = _aligned(typed, operands)
        return np.asarray(first - second).astype(np.int64)
    (operand,) = operands
    if row.result == "same":
        return np.abs(_plain(operand))
    numbers = operand.astype(np.float64)
    inside = np.asarray(row.inside(numbers)) if row.inside else np.ones(numbers.shape, bool)
    assert row.compute is not None
    result = _by_number(row.compute, np.where(inside, numbers, 0.5))
    return _finite(typed, result, ~inside | ~np.isfinite(result), operands, environment)


def _by_number(compute: Any, *arrays: Array) -> Array:
    """Apply a function of the C library number by number; NaN where it has no value."""

    def result(*numbers: float) -> float:
        try:
            return compute(*numbers)
        except (ValueError, ArithmeticError):
            return np.nan

    with np.errstate(all="ignore"):
        return np.asarray(np.frompyfunc(result, len(arrays), 1)(*arrays), dtype=np.float64)


def _binary(operator: str, typed: Typed, environment: Environment) -> Array:
    operands = [evaluate(part, environment) for part in typed.parts]
    left, right = _aligned(typed, operands)
    if operator in _COMPARE:
        return np.asarray(_COMPARE[operator](left, right), dtype=bool)
    if operator in ("and", "or"):
        return (np.logical_and if operator == "and" else np.logical_or)(left, right)
    with np.errstate(all="ignore"):
        reals = left.astype(np.float64), right.astype(np.float64)
        if operator == "^":
            result = _by_number(math.pow, *reals)
        else:
            result = np.asarray(_ARITHMETIC[operator](*reals))
        if typed.kind.type != "int":
            return _finite(typed, result, ~np.isfinite(result), [left, right], environment)
        beyond = np.zeros(result.shape, bool)
        for numbers in (*reals, result):
            beyond = beyond | (np.abs(numbers) > LARGEST_INTEGER)
        _finite(typed, result, beyond, [left, right], environment)
    whole = [_plain(side).astype(np.int64) for side in (left, right)]
    return np.asarray(_ARITHMETIC[operator](*whole))


def _finite(
    typed: Typed, result: Array, wrong: Array, operands: list[Array], environment: Environment
) -> Array:
    if np.any(wrong):
        raise UndefinedError(typed, np.asarray(wrong), operands, environment)
    return result


def _reduced(row: Function, typed: Typed, environment: Environment) -> Array:
    """Reduce the last axes, those of the operand's kind, to one number."""
    operand, *constants = typed.parts
    values = _plain(evaluate(operand, environment))
    leading = values.shape[: values.ndim - len(operand.kind.axes)]
    flat = values.reshape(-1, int(np.prod(values.shape[len(leading) :], dtype=np.int64)))
    if flat.shape[1] < row.least:
        what = f"`{typed.text}` is of {flat.shape[1]} value{'s' if flat.shape[1] != 1 else ''}"
        raise at_character(typed.source, typed.node.span[0], what, f"at least {row.least}")
    extra = [float(evaluate(part, environment)) for part in constants]
    assert row.compute is not None
    with np.errstate(all="ignore"):
        try:
            results = [row.compute(numbers, *extra) for numbers in flat.tolist()]
        except OverflowError:
            results = [np.inf]
    wanted = np.int64 if typed.kind.type == "int" else np.float64
    reals = np.array(results, dtype=np.float64)
    large = np.abs(reals) > LARGEST_INTEGER if wanted is np.int64 else ~np.isfinite(reals)
    if large.any():
        allowed = _WHOLE if wanted is np.int64 else "a finite result"
        what = f"`{typed.text}` {'is too large' if wanted is np.int64 else 'has no finite value'}"
        raise at_character(typed.source, typed.node.span[0], what, allowed)
    return np.array(results, dtype=wanted).reshape(leading)


def _plain(values: Array) -> Array:
    """Return conditions as 0 and 1, and other numbers as they are."""
    return values.astype(np.int64) if values.dtype == bool else values


def _aligned(typed: Typed, operands: list[Array]) -> tuple[Array, Array]:
    """Give one number a draw the axes of what stands beside it."""
    axes = [len(part.kind.axes) for part in typed.parts]
    arrays = [
        array.reshape(array.shape + (1,) * max(axes)) if array.ndim and not dimensions else array
        for array, dimensions in zip(operands, axes, strict=True)
    ]
    return arrays[0], arrays[1]

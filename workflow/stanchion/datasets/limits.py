"""Whether values keep the bounds that a program's `data` block declares for them.

Stan checks them when a chain starts; here the same is found before anything is compiled. A bound
counts where it is a number, a data variable, or arithmetic of these; any other is left to Stan.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stanchion.datasets.rules import comparable

if TYPE_CHECKING:
    from stanchion.stan.program import Variable

OPEN, MORE, LEAST = "> ", ("more than", operator.gt), ("at least", operator.ge)
LESS, MOST = ("less than", operator.lt), ("at most", operator.le)
_LONGEST = 200
"""Characters of a bound that is looked at."""
_INFINITE = {"positive_infinity": math.inf, "negative_infinity": -math.inf}
_OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda a, b: _divided(a, b),
    ast.Pow: lambda a, b: math.pow(a, b),
}


@dataclass(frozen=True)
class Beyond:
    """A value beyond a bound: what is wrong, what is allowed, and the value's indices from 0."""

    what: str
    allowed: str
    index: tuple[int, ...]


def beyond(
    variable: Variable, values: Mapping[str, Any], *, is_open: bool = False
) -> Beyond | None:
    """Return the first value beyond a variable's bounds, None where none is.

    NaN lies beyond any bound, as it does for Stan. `> 0` is a bound that is itself out, and so are
    all of them where `is_open`.
    """
    value = values[variable.name]
    for text, words, holds in (
        (
            variable.lower.removeprefix(OPEN),
            *(MORE if is_open or variable.lower.startswith(OPEN) else LEAST),
        ),
        (variable.upper, *(LESS if is_open else MOST)),
    ):
        bound = bound_of(text, values) if text else None
        outside = None if bound is None else _outside(value, bound, holds)
        if outside is not None and len(outside):
            plain = isinstance(bound, list | np.ndarray) or _is_written(text)
            shown = "" if plain else f" = {bound!r}"
            first = tuple(outside[0].tolist())
            what = _worded(variable.name, value, outside)
            return Beyond(what, f"{words} {text}{shown}", first)
    return None


def bound_of(text: str, values: Mapping[str, Any]) -> Any:
    """Return the value of a bound as Stan has it, a number or a list; None where it is not known.

    `/` of two integers drops the remainder, `^` is real (Stan Functions Reference, Integer-valued
    and Real-valued arithmetic).
    """
    if len(text) > _LONGEST:
        return None
    try:
        bound = _evaluate(ast.parse(text.replace("^", "**"), mode="eval").body, values)
    except (SyntaxError, ValueError, ArithmeticError, TypeError, RecursionError):
        return None
    return None if isinstance(bound, float) and math.isnan(bound) else bound


def _evaluate(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, values)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return +_evaluate(operand, values)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            sides = _evaluate(left, values), _evaluate(right, values)
            if all(type(side) in (int, float) for side in sides):
                return _OPERATIONS[type(op)](*sides)
        case ast.Call(func=ast.Name(id=name), args=[], keywords=[]) if name in _INFINITE:
            return _INFINITE[name]
    raise ValueError("not known here")


def _divided(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return a / b


def _outside(value: Any, bound: Any, holds: Callable[[Any, Any], Any]) -> NDArray[np.int64] | None:
    """Return the indices of what a bound does not hold for; it has one value, or one each."""
    values, bounds = _array(value), _array(bound)
    if values is None or bounds is None or values.shape[: bounds.ndim] != bounds.shape:
        return None
    if bounds.ndim == 0:
        values, bounds = comparable(values, bound), bound
    else:
        bounds = bounds.reshape(bounds.shape + (1,) * (values.ndim - bounds.ndim))
    with np.errstate(invalid="ignore"):
        return np.argwhere(np.logical_not(holds(values, bounds)))


def _array(value: Any) -> NDArray[Any] | None:
    """Return numbers as an array, of Python's unless it is one already; None where not all are."""
    if isinstance(value, np.ndarray):
        return value
    try:
        array = np.array(value, dtype=object)
    except ValueError:
        return None
    return array if all(type(number) in (int, float) for number in array.flat) else None


def _is_written(text: str) -> bool:
    """Whether a bound is a number as it stands."""
    return not any(sign.isalpha() and sign != "e" for sign in text)


def _worded(name: str, value: Any, outside: NDArray[np.int64]) -> str:
    first, more = tuple(outside[0].tolist()), len(outside) - 1
    location = f" at {name}[{','.join(str(index + 1) for index in first)}]" if first else ""
    rest = f", and {more} more such value{'s' if more > 1 else ''}" if more else ""
    return f"holds {np.array(value, dtype=object).item(first)!r}{location}{rest}"

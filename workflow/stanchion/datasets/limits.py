"""Whether values keep the bounds that a program's `data` block declares for them.

Stan checks them when a chain starts; here the same is found before anything is compiled. A bound
counts where it is a number, a data variable, or arithmetic of these; any other is left to Stan.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stanchion.stan.program import Variable

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


def beyond(variable: Variable, values: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return what lies beyond a variable's bounds and what is allowed, None where nothing does.

    NaN lies beyond any bound, as it does for Stan.
    """
    value = values[variable.name]
    for text, words, holds in (
        (variable.lower, "at least", operator.ge),
        (variable.upper, "at most", operator.le),
    ):
        bound = bound_of(text, values) if text else None
        found = list(_outside(value, bound, holds)) if bound is not None else []
        if found:
            shown = "" if isinstance(bound, list) or _is_written(text) else f" = {bound!r}"
            return _said(variable.name, found), f"{words} {text}{shown}, by the program"
    return None


def bound_of(text: str, values: Mapping[str, Any]) -> Any:
    """Return the value of a bound as Stan has it, a number or a list; None where it is not known.

    `/` of two integers drops the remainder, `^` is real (Stan Functions Reference, Integer-valued
    and Real-valued arithmetic).
    """
    if len(text) > _LONGEST:
        return None
    try:
        found = _evaluate(ast.parse(text.replace("^", "**"), mode="eval").body, values)
    except (SyntaxError, ValueError, ArithmeticError, TypeError, RecursionError):
        return None
    return None if isinstance(found, float) and math.isnan(found) else found


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


def _outside(
    value: Any, bound: Any, holds: Callable[[Any, Any], bool], at: tuple[int, ...] = ()
) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield place and value of what a bound does not hold for; a bound has one value, or one each.

    Places are counted from 1, as Stan does.
    """
    if isinstance(value, list):
        each = isinstance(bound, list)
        if each and len(bound) != len(value):
            return
        for place, item in enumerate(value):
            yield from _outside(item, bound[place] if each else bound, holds, (*at, place + 1))
    elif type(bound) in (int, float) and not holds(value, bound):
        yield at, value


def _is_written(text: str) -> bool:
    """Whether a bound is a number as it stands."""
    return not any(sign.isalpha() and sign != "e" for sign in text)


def _said(name: str, found: list[tuple[tuple[int, ...], Any]]) -> str:
    (at, value), *others = found
    place = f" at {name}[{','.join(map(str, at))}]" if at else ""
    more = f", and {len(others)} more such value{'s' if len(others) > 1 else ''}" if others else ""
    return f"holds {value!r}{place}{more}"

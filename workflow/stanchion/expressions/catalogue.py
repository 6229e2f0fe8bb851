"""The functions that an expression may call: one row each, for the parser, the checks, the
computation and the documentation.

Elementwise functions are those of the C library, called number by number: NumPy's own differ from
one processor to the next, and the same key must give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Takes = Literal["numbers", "constant", "name", "text", "date"]
How = Literal["elementwise", "reduction", "data"]
Result = Literal["real", "same"]


@dataclass(frozen=True)
class Parameter:
    """What stands between the brackets: its name in the signature, and what it takes."""

    name: str
    takes: Takes = "numbers"


@dataclass(frozen=True)
class Function:
    """A row of the catalogue.

    `how` is elementwise, a reduction (of all elements to one number), or of a dataset's rows, which
    the data room computes. `compute` takes one number where elementwise; where a reduction, a
    list of numbers, and the constants behind it. `inside` says which numbers have a value, and
    `allowed` says it in words. `result` is real, or the type of its argument.
    """

    name: str
    how: How
    words: str
    parameters: tuple[Parameter, ...] = (Parameter("x"),)
    compute: Callable[..., Any] | None = None
    result: Result = "real"
    inside: Callable[[Array], Array] | None = None
    allowed: str = "arguments whose result is finite"
    least: int = 1
    """How many elements a reduction takes at least."""

    @property
    def signature(self) -> str:
        """How it is called, such as `quantile(x, p)`."""
        return f"{self.name}({', '.join(parameter.name for parameter in self.parameters)})"


def _total(values: list[Any]) -> Any:
    return sum(values) if all(isinstance(value, int) for value in values) else math.fsum(values)


def _mean(values: list[Any]) -> float:
    return math.fsum(values) / len(values)


def _variance(values: list[Any]) -> float:
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _quantile(values: list[Any], p: float) -> float:
    """Return the quantile by linear interpolation (type 7 of Hyndman & Fan 1996)."""
    ordered = sorted(values)
    position = p * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (ordered[above] - ordered[below]) * (position - below))


def _inv_logit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _elementwise(name: str, words: str, compute: Callable[[float], Any], **rest: Any) -> Function:
    return Function(name, "elementwise", words, compute=compute, **rest)


def _reduction(name: str, words: str, compute: Callable[..., Any], **rest: Any) -> Function:
    return Function(name, "reduction", words, compute=compute, **rest)


def _data(name: str, words: str, *parameters: Parameter) -> Function:
    return Function(name, "data", words, parameters)


_POSITIVE: dict[str, Any] = {"inside": lambda x: x > 0, "allowed": "more than 0"}
_COLUMN = Parameter("column", "name")
_ROWS = (
    _elementwise("log", "natural logarithm", math.log, **_POSITIVE),
    _elementwise("log10", "logarithm to base 10", math.log10, **_POSITIVE),
    _elementwise("log2", "logarithm to base 2", math.log2, **_POSITIVE),
    _elementwise(
        "log1p",
        "log(1 + x), exact near 0",
        math.log1p,
        inside=lambda x: x > -1,
        allowed="more than -1",
    ),
    _elementwise("exp", "e to the power of x", math.exp),
    _elementwise("expm1", "exp(x) - 1, exact near 0", math.expm1),
    _elementwise("sqrt", "square root", math.sqrt, inside=lambda x: x >= 0, allowed="at least 0"),
    _elementwise("abs", "absolute value; an integer of an integer", abs, result="same"),
    _elementwise(
        "logit",
        "log(x / (1 - x))",
        lambda x: math.log(x) - math.log1p(-x),
        inside=lambda x: (x > 0) & (x < 1),
        allowed="between 0 and 1",
    ),
    _elementwise("inv_logit", "1 / (1 + exp(-x))", _inv_logit),
    _reduction("sum", "sum; an integer of integers", _total, result="same", least=0),
    _reduction("mean", "mean", _mean),
    _reduction(
        "sd",
        "standard deviation, n - 1 in its denominator",
        lambda values: math.sqrt(_variance(values)),
        least=2,
    ),
    _reduction("median", "median", lambda values: _quantile(values, 0.5)),
    _reduction(
        "quantile",
        "quantile, for p from 0 to 1, by linear interpolation",
        _quantile,
        parameters=(Parameter("x"), Parameter("p", "constant")),
    ),
    _reduction("min", "least value", min, result="same"),
    _reduction("max", "greatest value", max, result="same"),
    _data("nrow", "number of rows"),
    _data("row", "1 for the first row, 2 for the next, in the order of `sort`"),
    _data(
        "ncol", "number of columns of `X`, a Stan variable of this mapping", Parameter("X", "name")
    ),
    _data("nlevels", "number of levels of a column", _COLUMN),
    _data("index", "each row's level, from 1", _COLUMN),
    _data("design", "design matrix of a formula; stands alone", Parameter('"~ formula"', "text")),
    _data(
        "days",
        "days of a date since another, each a column or a date in quotes",
        Parameter("date", "date"),
        Parameter("since", "date"),
    ),
    _data("observed", "rows, from 1, in which the column has a value", _COLUMN),
    _data("missing", "rows, from 1, in which it has none", _COLUMN),
    _data("values", "the column's values where it has one, in the order of `observed`", _COLUMN),
    _data("nobserved", "how many rows have a value in the column", _COLUMN),
    _data("nmissing", "how many have none", _COLUMN),
)
FUNCTIONS: Mapping[str, Function] = {row.name: row for row in _ROWS}
OF_NUMBERS: Mapping[str, Function] = {row.name: row for row in _ROWS if row.how != "data"}
"""Those that need no dataset."""


def table() -> str:
    """Return the functions as a table in Markdown."""
    how = {
        "elementwise": "number by number",
        "reduction": "of all elements",
        "data": "of the rows",
    }
    lines = ["| function | is | |", "|---|---|---|"]
    lines += [f"| `{row.signature}` | {row.words} | {how[row.how]} |" for row in _ROWS]
    return "\n".join(lines)

"""What is asked of a column, and the conversion of its cells under that rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import merge
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stanchion.datasets.faults import at_rows
from stanchion.datasets.read import Raw, distinct
from stanchion.datasets.values import NUMBER, PARSERS, Value, label, order, parse_real, text_of
from stanchion.errors import Fault

if TYPE_CHECKING:
    from stanchion.config import Column

Array = NDArray[Any]

NUMERIC = ("int", "real", "bool")
NAMING = ("category", "int", "date")
"""Types of columns whose values can name rows; a real number may be written in several ways."""
_INTEGER, _INT64, _CODE = r"[+-]?[0-9]+", r"-?[0-9]{1,18}", r"[+-]?0[0-9]+"
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:(?:,[0-9]{3})+|(?:\.[0-9]{3})+)")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_EXACT = 2**53
"""Up to here every integer is a double."""


@dataclass(frozen=True)
class Rule:
    """A column's rule; `kind` None is inferred, `number` is int or real as the cells are.

    `levels` and `allowed` are None where nothing was declared; `key` is what asks for the column.
    """

    name: str
    key: str
    kind: str | None = None
    lower: object = None
    upper: object = None
    allowed: tuple[str, ...] | None = None
    levels: tuple[str, ...] | None = None
    unique: bool = False
    transform: str | None = None
    optional: bool = False
    """Whether a cell may be missing."""

    @classmethod
    def of(cls, name: str, column: Column, key: str) -> Rule:
        """Return the rule of a declared column."""
        return cls(
            name=name,
            key=key,
            kind=column.type,
            lower=column.lower,
            upper=column.upper,
            allowed=_texts(column.allowed),
            levels=_texts(column.levels),
            unique=bool(column.unique),
            transform=column.transform,
        )

    @property
    def declared(self) -> bool:
        """Whether the declaration says what the column holds."""
        return self.kind not in (None, "number")


@dataclass(frozen=True)
class Series:
    """A column's values by row: numbers, or texts of categories and dates; bool is 0 and 1.

    Integers are int64, or Python's where one is larger; texts are categorical.
    """

    name: str
    kind: str
    values: pd.Series[Any]
    declared: tuple[str, ...] | None = None

    def factor(self) -> tuple[Array, list[str]]:
        """Return each row's index among the labels of distinct values, and these labels."""
        codes, values = pd.factorize(self.values)
        name = str if self.kind != "bool" else partial(label, self.kind)
        return codes, list(map(name, values.tolist()))

    def levels(self) -> tuple[str, ...]:
        """Return the declared levels, else those that occur, in order."""
        return self.declared or order(self.kind, self.factor()[1])


@dataclass(frozen=True)
class Converted:
    """A column as its rule reads it; a value means nothing where the cell is missing."""

    kind: str
    values: Array | pd.Categorical
    missing: NDArray[np.bool_]
    faults: list[Fault]


@dataclass(frozen=True)
class _Read:
    """Values, and each row's index among them, −1 where its cell is missing.

    Where values are distinct, `texts` are these as written, and one that cannot be read is None.
    """

    values: Array
    codes: Array
    texts: Sequence[str] = ()

    def rows(self, chosen: Array) -> list[int]:
        """Return the rows whose value is chosen."""
        rows: list[int] = np.flatnonzero(np.append(chosen, False)[self.codes]).tolist()
        return rows


def convert(rule: Rule, raw: Raw) -> Converted:
    """Return a column's values, and the faults of cells that its rule does not allow."""
    cells = raw.cells[rule.name]
    kind = _kind(rule.kind, cells)
    read = _at_once(kind, cells) or _distinct(kind, cells)
    faults = _faults(rule, kind, raw, read)
    values = read.values if faults else _typed(kind, read)
    return Converted(kind, values, read.codes < 0, faults)


def _kind(declared: str | None, cells: pa.ChunkedArray) -> str:
    """Return the type that is declared, else the one that the cells have.

    Codes with leading zeros (`007`) are categories: as numbers they would lose them.
    """
    if declared is not None and declared != "number":
        return declared
    if cells.type != pa.string():
        return "int" if cells.type == pa.int64() else "real"
    texts = pc.unique(cells).drop_null()
    if declared is None and not _all(texts, NUMBER, but=_CODE):
        return "category"
    return "int" if _all(texts, _INTEGER) else "real"


def _all(texts: pa.Array | pa.ChunkedArray, pattern: str, but: str = r"[^\d\D]") -> bool:
    """Whether all texts match a pattern, and none matches another."""
    matching, other = (pc.match_substring_regex(texts, rf"\A(?:{p})\z") for p in (pattern, but))
    return bool(pc.all(pc.and_not(matching, other), min_count=0).as_py())


def _at_once(kind: str, cells: pa.ChunkedArray) -> _Read | None:
    """Return a column of numbers, all of which Arrow reads as they are meant, else None."""
    if kind == "real":
        try:
            numbers = pc.fill_null(cells.cast(pa.float64(), safe=False), 0).to_numpy()
        except pa.ArrowInvalid:
            return None
        if not np.isfinite(numbers).all():
            return None
    elif kind == "int" and (
        cells.type == pa.int64() or (cells.type == pa.string() and _all(cells, _INT64))
    ):
        numbers = pc.fill_null(cells.cast(pa.int64()), 0).to_numpy()
    else:
        return None
    rows = np.arange(len(numbers), dtype=np.int32)
    return _Read(numbers, np.where(cells.is_null().to_numpy(), np.int32(-1), rows))


def _distinct(kind: str, cells: pa.ChunkedArray) -> _Read:
    """Return a column whose distinct texts are read one by one."""
    texts, codes = distinct(cells)
    return _Read(_objects([_parsed(kind, text) for text in texts]), codes, texts)


def _parsed(kind: str, text: str) -> Value | None:
    try:
        return PARSERS[kind][0](text)
    except ValueError:
        return None


def _objects(values: Sequence[object]) -> Array:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _typed(kind: str, read: _Read) -> Array | pd.Categorical:
    """Return a value for each row."""
    if read.values.dtype != object:
        return read.values
    values = read.values.tolist()
    if kind in NUMERIC:
        return _numbers(kind, [*values, 0])[read.codes]
    index = {text: code for code, text in enumerate(dict.fromkeys(values))}
    codes = np.array([*map(index.__getitem__, values), -1])[read.codes]
    return pd.Categorical.from_codes(codes, categories=pd.Index(list(index), dtype=str))


def _numbers(kind: str, values: Sequence[Any]) -> Array:
    try:
        return np.array(values, dtype=np.float64 if kind == "real" else np.int64)
    except OverflowError:
        return _objects(values)


def _faults(rule: Rule, kind: str, raw: Raw, read: _Read) -> list[Fault]:
    """Return the faults of a column's cells in the order of rows, alike ones counted."""
    pairs = zip(read.texts, read.values, strict=False)
    advice = {text: _plainly(text) for text, value in pairs if value is None}
    unread = np.zeros(len(read.values), dtype=bool)
    unread[: len(read.texts)] = [text in advice for text in read.texts]
    tests = _tests(rule, kind)
    masks = [unread]
    for holds, _ in tests:
        masks.append(np.zeros_like(unread))
        masks[-1][~unread] = ~holds(read.values[~unread])
    allowed = [PARSERS[kind][1], *(words for _, words in tests)]

    def fault(row: int, test: int) -> Fault:
        text = raw.text(rule.name, row)
        todo = None if test else advice[text]
        return _fault(rule, raw.location(row), text, allowed[test], todo)

    def alike(cell: tuple[int, int]) -> tuple[int, bool]:
        row, test = cell
        return test, not test and advice[read.texts[read.codes[row]]] is None

    cells = merge(*([(row, test) for row in read.rows(m)] for test, m in enumerate(masks)))
    return at_rows(cells, lambda cell: fault(*cell), alike)


def _tests(rule: Rule, kind: str) -> list[tuple[Callable[[Array], Array], str]]:
    """Return which values hold what the rule asks, and in words what that is."""
    tests: list[tuple[Callable[[Array], Array], str]] = []
    if rule.lower is not None:
        lower = _limit(rule.lower)
        says = f"at least {_shown(lower)}"
        tests.append((lambda values: comparable(values, lower) >= lower, says))
    if rule.upper is not None:
        upper = _limit(rule.upper)
        says = f"at most {_shown(upper)}"
        tests.append((lambda values: comparable(values, upper) <= upper, says))
    for texts, says in ((rule.allowed, "one of"), (rule.levels, "one of the levels")):
        if texts is not None:
            values = [PARSERS[kind][0](text) for text in texts]
            isin = partial(_isin, candidates=values)
            tests.append((isin, f"{says} {', '.join(texts)}"))
    return tests


def _isin(values: Array, candidates: Sequence[Value]) -> Array:
    return pd.Series(values).isin(candidates).to_numpy()


def comparable(values: Array, limit: Any) -> Array:
    """Return values as they compare exactly with a limit: as Python's where doubles do not."""
    large = isinstance(limit, int | float) and abs(limit) > _EXACT
    return values.astype(object) if large else values


def _limit(declared: object) -> Any:
    return declared if isinstance(declared, int | float) else str(declared)


def _shown(limit: Value) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


def _fault(
    rule: Rule, where: str, text: str | None, allowed: str, todo: str | None = None
) -> Fault:
    what = f"column `{rule.name}` holds {text!r}"
    return Fault(what, where=where, key=rule.key, value=text, allowed=allowed, todo=todo)


def _plainly(text: str) -> str | None:
    """Return how a number with commas, or points between thousands, may be meant."""
    if _THOUSANDS.fullmatch(text):
        whole = re.sub("[.,]", "", text)
        if len(re.findall("[.,]", text)) > 1:
            return f"write {whole}, without separators, if that is meant"
        return f"it may be {whole} or {parse_real(text.replace(',', '.'))}: write which, plainly"
    if _COMMA.fullmatch(text):
        return f"write {text.replace(',', '.')}, with a point, if that is meant"
    return None


def _texts(declared: Sequence[object] | None) -> tuple[str, ...] | None:
    return None if declared is None else tuple(text_of(value) for value in declared)

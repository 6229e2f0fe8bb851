"""The grid of conditional effects: one predictor over its range, the others held.

Its rows stand in for new rows. They are made of the fitted ones as these are before any transform,
and transformed by the same constants afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stanchion.datasets.faults import stop
from stanchion.datasets.frame import Frame
from stanchion.datasets.rules import Series
from stanchion.datasets.values import label
from stanchion.errors import Fault
from stanchion.expressions.faults import suggestion

POINTS = 50
"""Values of a number over its range."""
MOST_LEVELS, MOST_LINES = 60, 12
"""Levels along an axis, and lines in one picture."""
MOST_SHOWN = 400
"""Fitted rows that are shown beside an effect."""
_NAME = Path("grid of effects")
type Span = Mapping[str, Any]
"""`lower`, `upper` and how many `values`, each None where the default holds."""
_WHOLE: Span = {"lower": None, "upper": None, "values": None}


@dataclass(frozen=True)
class GridRequest:
    """The effects that are declared, by the key that declares them, and what was observed."""

    of: Sequence[str]
    outcome: str | None
    key: str = "effects"
    over: Mapping[str, Span] = field(default_factory=dict)
    """By predictor, in place of the range of the fitted rows and of so many values."""


@dataclass(frozen=True)
class Role:
    """How a column goes over a grid, and where it is held.

    `kind` is `level`, `number` or `date`.
    """

    kind: str
    values: Sequence[Any]
    lines: Sequence[Any]
    """The few values at which it is the second of two predictors."""
    held: Any
    how: str


@dataclass(frozen=True)
class Grid:
    """A frame of rows, and plain JSON of which rows are of which effect."""

    frame: Frame
    effects: Sequence[Mapping[str, Any]]
    held: Sequence[Mapping[str, Any]]
    observed: Mapping[str, Sequence[Any]]
    """Some of the fitted rows by column, evenly spread over all, None where there is no value."""
    shown: Sequence[int] = field(default=())
    """Which rows these are."""

    def as_json(self, outcome: str | None, values: Any) -> dict[str, Any]:
        """Return all but the rows, with the outcome of the fitted rows where each has one."""
        whole = np.asarray(values) if outcome is not None else np.empty(0)
        of_row = whole.ndim == 1 and len(whole) > max(self.shown, default=0)
        chosen = whole[list(self.shown)].tolist() if outcome is not None and of_row else None
        return {
            "effects": list(self.effects),
            "held": list(self.held),
            "observed": {
                "outcome": outcome if chosen is not None else None,
                "values": chosen,
                "columns": dict(self.observed),
            },
        }


def make_grid(
    request: GridRequest,
    dataset: str,
    fitted: Frame,
    columns: Sequence[str],
    factors: Collection[str],
    references: Mapping[str, str],
) -> Grid:
    """Return the grid of the declared effects, of the columns that new rows have.

    `fitted` are the rows before any transform; `factors` are columns of numbers that are used as
    levels; `references` give the level that a design's coefficients are differences to.

    Raises:
        DataError: a predictor is no such column, or has too many levels to be seen.
    """
    _hold(request, columns)
    present = {column: _present(fitted, column) for column in columns}
    _hold_spans(request, present, factors)
    roles = {
        c: _role(series, c in factors, references.get(c), request.over.get(c, _WHOLE))
        for c, series in present.items()
    }
    stop([fault for name in request.of for fault in _too_many(request, name, roles)])
    rows: list[dict[str, Any]] = []
    effects = []
    for name in request.of:
        effect = _effect(name, roles, len(rows))
        effects.append({**effect, **_labelled(fitted, effect)})
        rows += _rows(effect, roles)
    table = {c: _column(fitted.kinds[c], [row[c] for row in rows]) for c in columns}
    frame = Frame(
        dataset,
        _NAME,
        pd.DataFrame(table, index=pd.RangeIndex(1, len(rows) + 1)),
        {column: fitted.kinds[column] for column in columns},
        dict.fromkeys(columns),
        [],
        {},
    )
    used = dict.fromkeys(part for name in request.of for part in name.split(":"))
    shown = _spread(len(fitted), MOST_SHOWN)
    return Grid(
        frame,
        effects,
        [_held(fitted, column, role) for column, role in roles.items()],
        {column: _observed(fitted, column, shown) for column in used},
        shown,
    )


def _hold(request: GridRequest, columns: Sequence[str]) -> None:
    """Refuse predictors that new rows are not made of."""
    unknown = [p for name in request.of for p in name.split(":") if p not in columns]
    stop(
        [
            Fault(
                f"{name!r} is no column that the new rows are made of",
                key=f"{request.key}.of",
                value=name,
                allowed=", ".join(columns) or "the mapping takes no column for the new rows",
                todo=suggestion(name, columns) or "name a column that the mapping takes for them",
            )
            for name in dict.fromkeys(unknown)
        ]
    )


def _too_many(request: GridRequest, name: str, roles: Mapping[str, Role]) -> Iterator[Fault]:
    predictor, _, by = name.partition(":")
    for column, values, most, where in (
        (predictor, _ticks(roles[predictor]), MOST_LEVELS, "along an axis"),
        (by, roles[by].lines if by else (), MOST_LINES, "as lines"),
    ):
        if len(values) > most:
            what = f"column `{column}` has {len(values)} levels, too many to be seen {where}"
            todo = "name another column, or select rows by `where:`"
            allowed = f"at most {most} levels"
            yield Fault(what, key=f"{request.key}.of", value=name, allowed=allowed, todo=todo)


def _ticks(role: Role) -> Sequence[Any]:
    """Return what stands along an axis by name: no value of a line."""
    return role.values if role.kind == "level" else ()


def _hold_spans(
    request: GridRequest, present: Mapping[str, Series], factors: Collection[str]
) -> None:
    """Refuse ranges that a predictor cannot be gone over in."""
    kinds = {c: "level" if c in factors else series.kind for c, series in present.items()}
    faults = (_wrong_span(request, c, present[c], kinds[c]) for c in request.over)
    stop([fault for of_column in faults for fault in of_column])


def _wrong_span(request: GridRequest, column: str, series: Series, kind: str) -> Iterator[Fault]:
    """Yield a fault where a predictor has no range, or no such one as is declared."""
    key, span = f"{request.key}.over.{column}", request.over[column]
    if kind not in ("real", "date"):
        what = f"column `{column}` goes over the values that occur, and over no range"
        yield Fault(what, key=key, allowed="a column of real numbers or of dates")
        return
    is_text = kind == "date"
    for end in ("lower", "upper"):
        if span[end] is not None and isinstance(span[end], str) is not is_text:
            what = f"column `{column}` holds {'dates' if is_text else 'numbers'}, and this is none"
            yield Fault(what, key=f"{key}.{end}", value=span[end])
            return
    low, high, _ = _range(series, span)
    if low >= high:
        what = f"the range of column `{column}` ends where it begins, or before"
        todo = "give `lower` and `upper`; the fitted rows say the one that is not given"
        yield Fault(what, key=key, todo=todo)


def _range(series: Series, span: Span) -> tuple[float, float, int]:
    """Return the ends of a range and how many values it is gone over in; of dates their days."""
    days = series.kind == "date"
    values = _days(series) if days else series.values.to_numpy()
    low, high = (
        given if given is None or not days else date.fromisoformat(given).toordinal()
        for given in (span["lower"], span["upper"])
    )
    low = values.min() if low is None else low
    return low, values.max() if high is None else high, span["values"] or POINTS


def _role(series: Series, is_factor: bool, reference: str | None, span: Span) -> Role:
    if series.kind in ("category", "bool") or (is_factor and series.kind == "int"):
        return _of_levels(series, reference)
    if series.kind == "date":
        return _of_dates(series, span)
    if series.kind == "int" or is_factor:
        return _of_those_that_occur(series.values.to_numpy())
    return _of_numbers(series, span)


def _present(fitted: Frame, column: str) -> Series:
    """Return the values that a column has."""
    rows = np.flatnonzero(~fitted.missing(column))
    return (fitted if len(rows) == len(fitted) else fitted.take(rows)).column(column)


def _of_levels(series: Series, reference: str | None) -> Role:
    texts = [*series.levels()]
    by_text = {text: _value(series.kind, text) for text in texts}
    values = [*by_text.values()]
    if reference in by_text:
        return Role("level", values, values, by_text[reference], "reference level")
    return Role("level", values, values, values[0], "first level")


def _value(kind: str, text: str) -> Any:
    """Return the value of a level, as a cell has it."""
    if kind == "bool":
        return int(text == "true")
    return int(text) if kind == "int" else text


def _of_dates(series: Series, span: Span) -> Role:
    role = _of_those_that_occur(_days(series))
    over = np.unique(np.linspace(*_range(series, span)).round().astype(int)).tolist()
    lines = [_iso(day) for day in role.lines]
    return Role("date", [_iso(day) for day in over], lines, _iso(role.held), role.how)


def _days(series: Series) -> Any:
    codes, texts = series.factor()
    return np.array([date.fromisoformat(text).toordinal() for text in texts])[codes]


def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()


def _of_those_that_occur(values: Any) -> Role:
    """Return a role whose values all occur: a model may know no others."""
    distinct = np.unique(values)
    chosen = distinct[_spread(len(distinct), POINTS)].tolist()
    near = [distinct[np.abs(distinct - line).argmin()].item() for line in _lines(values)]
    middle = np.sort(values)[(len(values) - 1) // 2].item()
    return Role("number", chosen, [*dict.fromkeys(near)], middle, "median")


def _of_numbers(series: Series, span: Span) -> Role:
    values = series.values.to_numpy()
    over = np.unique(np.linspace(*_range(series, span))).tolist()
    mean = min(max(math.fsum(values) / len(values), values.min()), values.max())
    return Role("number", over, [*dict.fromkeys(_lines(values))], float(mean), "mean")


def _lines(values: Any) -> list[float]:
    """Return mean − sd, mean and mean + sd, none beyond the range: a spline knows no values there.

    The standard deviation has n − 1 in its denominator.
    """
    mean = math.fsum(values) / len(values)
    sd = math.sqrt(math.fsum((values - mean) ** 2) / max(len(values) - 1, 1))
    low, high = float(values.min()), float(values.max())
    return [min(max(line, low), high) for line in (mean - sd, mean, mean + sd)]


def _effect(name: str, roles: Mapping[str, Role], start: int) -> dict[str, Any]:
    predictor, _, by = name.partition(":")
    return {
        "effect": name,
        "predictor": predictor,
        "kind": roles[predictor].kind,
        "by": by or None,
        "by_kind": roles[by].kind if by else None,
        "start": start,
        "values": list(roles[predictor].values),
        "by_values": list(roles[by].lines) if by else [None],
    }


def _rows(effect: Mapping[str, Any], roles: Mapping[str, Role]) -> Iterator[dict[str, Any]]:
    """Yield the rows of an effect: all values of the predictor for each of the second one."""
    held = {column: role.held for column, role in roles.items()}
    for by, value in product(effect["by_values"], effect["values"]):
        row = {**held, effect["predictor"]: value}
        yield row if effect["by"] is None else {**row, effect["by"]: by}


def _labelled(fitted: Frame, effect: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an effect as JSON has them: levels by their labels."""
    kind = fitted.kinds[effect["predictor"]]
    labelled: dict[str, Any] = {"values": [_shown(kind, value) for value in effect["values"]]}
    if effect["by"] is not None:
        by_kind = fitted.kinds[effect["by"]]
        labelled["by_values"] = [_shown(by_kind, value) for value in effect["by_values"]]
    return labelled


def _shown(kind: str, value: Any) -> Any:
    return label(kind, value) if kind == "bool" else value


def _held(fitted: Frame, column: str, role: Role) -> dict[str, Any]:
    value = _shown(fitted.kinds[column], role.held)
    return {"column": column, "value": value, "how": role.how}


def _observed(fitted: Frame, column: str, rows: Sequence[int]) -> list[Any]:
    series, missing = fitted.column(column), fitted.missing(column)
    values = series.values.iloc[list(rows)].tolist()
    pairs = zip(rows, values, strict=True)
    return [None if missing[row] else _shown(series.kind, value) for row, value in pairs]


def _spread(count: int, most: int) -> list[int]:
    """Return at most so many positions, evenly spread from the first to the last."""
    if count <= most:
        return list(range(count))
    return np.unique(np.linspace(0, count - 1, most).round().astype(int)).tolist()


def _column(kind: str, values: Sequence[Any]) -> Any:
    if kind in ("category", "date"):
        return pd.Categorical(values)
    return np.array(values, dtype=np.float64 if kind == "real" else np.int64)

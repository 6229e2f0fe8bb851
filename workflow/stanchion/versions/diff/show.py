"""What differs, as a text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from math import nan
from typing import Any

from stanchion.report.numbers import exact, significant, supported
from stanchion.system.sentences import visible
from stanchion.versions.diff.compare import (
    AnswerChange,
    Change,
    Changes,
    FitChange,
    ValueChange,
)
from stanchion.versions.diff.revision import AnswerResult, Estimate

_MOST_VALUES = 20
_WITHOUT_ERROR = 8
_HEADINGS = ("old", "new", "difference ÷ its error")


def as_json(changes: Changes) -> str:
    """Return everything that differs as JSON."""
    return json.dumps({"schema": "stanchion/diff/1", **asdict(changes)}, indent=1)


def as_text(changes: Changes) -> str:
    """Return a section for each kind of change; of a fit's values those that moved furthest."""
    parts = [
        _section("answers", list(_answers(changes.answers))),
        _section("declaration", _changes(changes.declaration)),
        _section("data", _changes(changes.data)),
        _section(
            "programs",
            [row for p in changes.programs for row in (p.model, *(f"  {x}" for x in p.lines))],
        ),
        _section("toolchain", _changes(changes.toolchain)),
        _section("results", [row for fit in changes.results for row in _fit(fit)]),
    ]
    shown = [part for part in parts if part]
    head = f"{changes.old} → {changes.new}"
    return "\n\n".join([head, *shown]) if shown else f"{head}: no difference"


def _section(name: str, rows: Sequence[str]) -> str:
    return "\n".join([name, *(f"  {row}" for row in rows)]) if rows else ""


def _changes(changes: Sequence[Change]) -> list[str]:
    return [f"{change.key}: {_value(change.old)} → {_value(change.new)}" for change in changes]


def _value(value: Any) -> str:
    return "none" if value is None else str(value)


def _fit(change: FitChange) -> Iterator[str]:
    verdict = change.new_verdict or "not there"
    if change.old_verdict != change.new_verdict:
        verdict = f"{change.old_verdict or 'not there'} → {verdict}"
    yield f"{change.fit}: {verdict}"
    moved = sorted(change.values, key=lambda value: -abs(value.in_errors or 0))
    if moved:
        yield from _aligned([("variable", *_HEADINGS), *map(_cells, moved[:_MOST_VALUES])])
    yield from _rest(moved)


def _answers(changes: Sequence[AnswerChange]) -> Iterator[str]:
    """Yield a table for each question whose numbers differ, those that moved furthest first."""
    for name, of_answer in groupby(
        changes, lambda change: (change.key.analysis, change.key.answer)
    ):
        moved = sorted(of_answer, key=lambda change: -abs(change.in_errors or 0))
        yield visible(": ".join(name))
        yield from _aligned([("fit", *_HEADINGS), *map(_answer_cells, moved[:_MOST_VALUES])])
        yield from _rest(moved)


def _answer_cells(change: AnswerChange) -> tuple[str, str, str, str]:
    key, verdicts = change.key, [side.verdict for side in (change.old, change.new) if side]
    label = f" [{visible(key.label)}]" if key.label else ""
    judged = f" ({' → '.join(verdicts)})" if len(set(verdicts)) > 1 else ""
    old, new = _answered(change.old), _answered(change.new)
    return f"{key.fit}{label}{judged}", old, new, _in_errors(change.in_errors)


def _answered(result: AnswerResult | None) -> str:
    if result is None:
        return "not there"
    unit = f" {result.unit}" if result.unit and result.value.mean is not None else ""
    return f"{_estimate(result.value)}{unit}"


def _rest(moved: Sequence[Any]) -> Iterator[str]:
    if len(moved) > _MOST_VALUES:
        yield f"  and {len(moved) - _MOST_VALUES} more; --json gives all"


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows in columns, the first to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        yield "  " + "  ".join([first.ljust(widths[0]), *cells])


def _cells(change: ValueChange) -> tuple[str, str, str, str]:
    label = change.new.label or change.old.label or change.variable
    return label, _estimate(change.old), _estimate(change.new), _in_errors(change.in_errors)


def _in_errors(difference: float | None) -> str:
    return "" if difference is None else f"{difference:+.1f}"


def _estimate(value: Estimate) -> str:
    """Return a mean with the digits that its Monte Carlo error supports, and that error's first."""
    if value.mean is None:
        return "none"
    if not value.mcse:
        return exact(value.mean, _WITHOUT_ERROR)
    return f"{supported(value.mean, value.mcse, nan)} ± {significant(value.mcse, 1)}"

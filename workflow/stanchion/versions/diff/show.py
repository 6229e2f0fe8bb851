"""What differs, as a text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import nan
from typing import Any

from stanchion.report.numbers import exact, significant, supported
from stanchion.versions.diff.compare import Change, Changes, FitChange, ValueChange
from stanchion.versions.diff.revision import Estimate

_MOST_VALUES = 20
_WITHOUT_ERROR = 8


def as_json(changes: Changes) -> str:
    """Return everything that differs as JSON."""
    return json.dumps({"schema": "stanchion/diff/1", **asdict(changes)}, indent=1)


def as_text(changes: Changes) -> str:
    """Return a section for each kind of change; of a fit's values those that moved furthest."""
    parts = [
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
    rows = [
        ("variable", "old", "new", "difference ÷ its error"),
        *map(_cells, moved[:_MOST_VALUES]),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    if moved:
        for row in rows:
            yield "  " + "  ".join(
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
    if len(moved) > _MOST_VALUES:
        yield f"  and {len(moved) - _MOST_VALUES} more; --json gives all"


def _cells(change: ValueChange) -> tuple[str, str, str, str]:
    errors = "" if change.in_errors is None else f"{change.in_errors:+.1f}"
    label = change.new.label or change.old.label or change.variable
    return label, _estimate(change.old), _estimate(change.new), errors


def _estimate(value: Estimate) -> str:
    """Return a mean with the digits that its Monte Carlo error supports, and that error's first."""
    if value.mean is None:
        return "none"
    if not value.mcse:
        return exact(value.mean, _WITHOUT_ERROR)
    return f"{supported(value.mean, value.mcse, nan)} ± {significant(value.mcse, 1)}"

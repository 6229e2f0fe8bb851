"""Coefficients on the scale of the columns as they stand in the file, beside the estimates."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stanchion.plan.report_arguments import Pair
from stanchion.report.estimates import Ends, Table, drawn_table
from stanchion.report.reading import Summary, number
from stanchion.report.verdicts import FitView

FILE = "original_scale.csv"


@dataclass(frozen=True)
class OriginalScale:
    """A table of a dataset and model, where anything was rescaled, and why some was not."""

    pair: Pair
    table: Table | None
    notes: tuple[str, ...]

    @property
    def caption(self) -> str:
        """What the table is of."""
        return f"{self.pair.model} on {self.pair.dataset}, on the scale of the columns"


def original_view(
    pair: Pair,
    fits: Sequence[FitView],
    rows: Sequence[Summary],
    maps: Mapping[str, Any],
    ends: Ends,
) -> OriginalScale:
    """Return the coefficients of the fits that may be used; `rows` are aligned with the fits.

    `maps` are those of the meta, by the matrix that coefficients are of.
    """
    usable = [
        (fit, summary)
        for fit, summary in zip(fits, rows, strict=True)
        if not fit.stopped and summary.rows
    ]
    coefficients = {c.variable: maps.get(c.matrix, {}) for fit in fits for c in fit.fit.rescaled}
    notes = [
        f"{variable} has no other scale: {known['because']}."
        for variable, known in coefficients.items()
        if "because" in known
    ]
    notes += [
        f"No column that {variable} is of is centred or scaled."
        for variable, known in coefficients.items()
        if not known
    ]
    table = drawn_table(usable, ends, FILE) if usable else None
    return OriginalScale(pair, table, tuple(notes))


def read_rescaled(path: Path, most: int) -> Summary:
    """Read at most so many rows of an original_scale.csv, by their labels."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        columns = tuple(next(lines))[2:]
        every = [(label, numbers) for _, label, *numbers in lines]
    rows = {
        label: dict(zip(columns, map(number, numbers), strict=True))
        for label, numbers in every[:most]
    }
    return Summary(columns, rows, len(every), {})

"""Predictions of new rows: a forest of intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from arviz_plots import plot_forest

from stanchion.pictures.style import FILL, INK, Floats, drawn, name_axis, short

_MOST_ROWS, _CHARACTER = 40, 0.09
LONGEST = 28
"""Characters of a label that fit beside the intervals."""


def described_rows(columns: Mapping[str, Sequence[object]]) -> list[str]:
    """Return each row's values with the names of their columns, without them where these are too
    long for a picture.
    """
    rows = [tuple(map(_value, row)) for row in zip(*columns.values(), strict=True)]
    named = [", ".join(f"{n}={v}" for n, v in zip(columns, row, strict=True)) for row in rows]
    if max(map(len, named[:_MOST_ROWS]), default=0) <= LONGEST:
        return named
    return [", ".join(row) for row in rows]


def _value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "–" if value is None else str(value)


def predictions(name: str, labels: Sequence[str], rows: Floats, title: str | None = None) -> bytes:
    """Draw predictions of new rows: mean, 5 % and 95 % quantile (`row × 3`), the first forty.

    `title` is what their axis is called.
    """
    count = min(len(rows), _MOST_ROWS)
    shown = [short(label, LONGEST) for label in labels[:count]]
    left = 0.25 + _CHARACTER * max(map(len, shown))
    more = f", first {count} of {len(rows)}" if len(rows) > count else ""
    with drawn(1, columns=1, height=0.22 * count + 0.3, left=left) as (panels, picture):
        axis = panels.axes[0]
        data = xr.Dataset({"new": (("chain", "draw", "row"), rows[None, None, :count, 0])})
        bounds = xr.Dataset(
            {"new": (("ci_bound", "row"), rows[:count, 1:].T)},
            coords={"ci_bound": ["lower", "upper"]},
        )
        plot_forest(
            data,
            sample_dims=["chain", "draw"],
            combined=True,
            labels=[],
            plot_collection=panels.collection(
                data.assign_coords(row=np.arange(count)),
                {"new": axis},
                aes={"y": ["row"], "overlay": ["row"]},
                y=np.arange(count),
            ),
            stats={"twig": bounds, "point_estimate": data.isel(chain=0, draw=0)},
            visuals={
                "trunk": False,
                "twig": {"color": FILL, "width": 3.5},
                "point_estimate": {"color": INK, "facecolor": INK, "size": 14},
                "ticklabels": False,
                "remove_axis": False,
            },
        )
        axis.set_yticks(np.arange(count), shown)
        axis.set_ylim(count - 0.5, -0.5)
        if title:
            name_axis(axis, title)
        axis.set_title(f"{short(name)}: mean, 90 % interval{more}")
    return picture.getvalue()

"""Predictions of new rows: a forest of intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from arviz_plots import plot_forest

from stanchion.pictures.style import FILL, INK, Floats, drawn, short

_MOST_ROWS = 40


def predictions(name: str, labels: Sequence[str], rows: Floats) -> bytes:
    """Draw predictions of new rows: mean, 5 % and 95 % quantile (`row × 3`), the first forty."""
    count = min(len(rows), _MOST_ROWS)
    shown = [short(label) for label in labels[:count]]
    left = 0.25 + 0.09 * max(map(len, shown))
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
        axis.set_title(f"{short(name)}: mean, 90 % interval{more}")
    return picture.getvalue()

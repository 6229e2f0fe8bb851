"""What can be declared to be drawn of a fit: functions of arviz_plots and of this room."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import arviz_plots
import numpy as np
import xarray as xr
from matplotlib import pyplot as plt

from stanchion.pictures.catalogue import OWN_PLOTS
from stanchion.pictures.style import DOTS_PER_INCH, WIDTH, Panels, in_style, save

_TITLES = frozenset({"outcome_title", "row_titles"})
_OBJECTS = frozenset({"plot_collection", "plot_matrix", "backend", "labeller"}) | _TITLES
"""Arguments that are objects, that a report could not show, or that are not the declaration's."""
_FIRST = "dt"
_MOST_DOTS = 2 * WIDTH * DOTS_PER_INCH
"""Of the longer side: a figure of many panels has fewer an inch."""


def functions() -> dict[str, Callable[..., Any]]:
    """Return the public functions of arviz_plots whose first argument is a DataTree, and ours."""
    every = {name: getattr(arviz_plots, name) for name in sorted(vars(arviz_plots))}
    return {name: _own(name) for name in OWN_PLOTS} | {
        name: function
        for name, function in every.items()
        if name.startswith("plot_")
        and inspect.isfunction(function)
        and next(iter(inspect.signature(function).parameters)) == _FIRST
    }


def keywords(name: str) -> tuple[list[str], list[str]]:
    """Return the keyword arguments that a function takes, and those of them that it must have."""
    parameters = list(inspect.signature(functions()[name]).parameters.values())[1:]
    taken = [p for p in parameters if p.kind is not p.VAR_KEYWORD and p.name not in _OBJECTS]
    return [p.name for p in taken], [p.name for p in taken if p.default is p.empty]


def _own(name: str) -> Callable[..., Any]:
    module, _, function = OWN_PLOTS[name].partition(".")
    drawing: Callable[..., Any] = getattr(import_module(f"stanchion.pictures.{module}"), function)
    return drawing


def draw_declared(
    name: str,
    tree: xr.DataTree,
    options: Mapping[str, Any],
    outcome_title: str | None = None,
    row_titles: Mapping[str, str] | None = None,
) -> bytes:
    """Draw a fit by a function of arviz_plots, or by ours, in the style of all pictures.

    Raises:
        Exception: what the function raises.
    """
    if name in OWN_PLOTS:
        titles = {"outcome_title": outcome_title, "row_titles": row_titles}
        picture_of: bytes = _own(name)(tree, **titles, **options)
        return picture_of
    with in_style(), np.errstate(all="ignore"):
        try:
            result = functions()[name](tree, backend="matplotlib", **options)
            figure = result.viz["figure"].item()
            picture = io.BytesIO()
            if figure.get_layout_engine() is None:
                figure.set_layout_engine("constrained")  # else what is beyond the edge is cut
            figure.set_dpi(min(DOTS_PER_INCH, _MOST_DOTS / max(figure.get_size_inches())))
            panels = Panels(figure, list(figure.axes))
            panels.seen.append(f"{len(figure.axes)} panels of {name}.")
            save(panels, picture)
        finally:
            plt.close("all")
    return picture.getvalue()

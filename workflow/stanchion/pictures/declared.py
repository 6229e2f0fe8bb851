"""What arviz_plots can draw of a fit: which functions, with which keyword arguments."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Mapping
from typing import Any

import arviz_plots
import numpy as np
import xarray as xr
from matplotlib import pyplot as plt

from stanchion.pictures.style import DOTS_PER_INCH, WIDTH, Panels, in_style, save

_OBJECTS = frozenset({"plot_collection", "plot_matrix", "backend", "labeller"})
"""Arguments that are objects, or that a report could not show."""
_FIRST = "dt"
_MOST_DOTS = 2 * WIDTH * DOTS_PER_INCH
"""Of the longer side: a figure of many panels has fewer an inch."""


def functions() -> dict[str, Callable[..., Any]]:
    """Return the public functions of arviz_plots whose first argument is a DataTree, by name."""
    every = {name: getattr(arviz_plots, name) for name in sorted(vars(arviz_plots))}
    return {
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


def draw_declared(name: str, tree: xr.DataTree, options: Mapping[str, Any]) -> bytes:
    """Draw a fit by a function of arviz_plots, in the style of all pictures.

    Raises:
        Exception: what ArviZ raises.
    """
    with in_style(), np.errstate(all="ignore"):
        try:
            result = functions()[name](tree, backend="matplotlib", **options)
            figure = result.viz["figure"].item()
            picture = io.BytesIO()
            figure.set_dpi(min(DOTS_PER_INCH, _MOST_DOTS / max(figure.get_size_inches())))
            panels = Panels(figure, list(figure.axes))
            panels.seen.append(f"{len(figure.axes)} panels of {name}.")
            save(panels, picture)
        finally:
            plt.close("all")
    return picture.getvalue()

"""Bands over rows: a variable that has a value a row, over the years or other labels of the rows.

ArviZ draws them, over a variable of the data; here the labels of the rows are that variable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import xarray as xr
from arviz_plots import plot_lm
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from stanchion.pictures.style import (
    CHAINS,
    FILL,
    INK,
    SAMPLE_DIMS,
    SOFT,
    Floats,
    Panels,
    drawn,
    short,
)
from stanchion.system.sentences import percent

_MOST_TICKS = 6
_LONGEST_LABEL = 10
_DATE_TICKS = (0.12, 0.5, 0.88)
"""Shares of the rows at which dates are written, so that none leaves the picture."""


def plot_bands(
    dt: xr.DataTree,
    *,
    var_names: Sequence[str] | str,
    ci_prob: float = 0.9,
    ci_kind: str = "eti",
    outcome_title: str | None = None,
    row_titles: Mapping[str, str] | None = None,
) -> bytes:
    """Draw a panel a variable: its mean and interval at each row, and the outcomes of these rows.

    A variable is of one dimension. Labels that are numbers or dates are places on the axis, others
    stand side by side in the order of the rows. Outcomes are drawn where `posterior_predictive`
    names them and they have the same rows. `row_titles` are by the dimension of the rows.

    Raises:
        ValueError: the draws lack a variable, or it has not one dimension.
    """
    names = [var_names] if isinstance(var_names, str) else list(var_names)
    variables = [_variable(dt, name) for name in names]
    with drawn(len(names), columns=1, height=1.6, left=0.75) as (panels, picture):
        for axis, variable in zip(panels.axes, variables, strict=True):
            _draw(panels, axis, variable, _outcome(dt, variable), (ci_prob, ci_kind))
            axis.set_ylabel(short(outcome_title or "", 24))
            axis.set_xlabel(short((row_titles or {}).get(_row_dim(variable), ""), 45))
            kind = "highest density" if ci_kind == "hdi" else "interval"
            axis.set_title(f"{short(str(variable.name))}: mean, {percent(ci_prob)} {kind}")
    return picture.getvalue()


def _variable(dt: xr.DataTree, name: str) -> xr.DataArray:
    """Return the draws of a variable that has one value a row."""
    for group in ("posterior", "predictions", "posterior_predictive"):
        if group in dt.children and name in dt[group].data_vars:
            variable = dt[group].to_dataset()[name]
            rows = [dim for dim in variable.dims if dim not in SAMPLE_DIMS]
            if len(rows) != 1:
                raise ValueError(f"{name} has {len(rows)} dimensions: a band is over one")
            if not np.isfinite(variable.mean(SAMPLE_DIMS)).any():
                raise ValueError(f"{name} has no finite mean at any row")
            return variable
    raise ValueError(f"the draws hold no {name}")


def _row_dim(variable: xr.DataArray) -> str:
    (rows,) = (str(dim) for dim in variable.dims if dim not in SAMPLE_DIMS)
    return rows


def _outcome(dt: xr.DataTree, variable: xr.DataArray) -> xr.DataArray | None:
    """Return the first outcome of the same rows."""
    rows = variable[_row_dim(variable)]
    if "observed_data" not in dt.children:
        return None
    for outcome in dt["observed_data"].to_dataset().data_vars.values():
        if outcome.dims == (rows.name,) and np.array_equal(outcome[rows.name], rows):
            return outcome
    return None


def _draw(
    panels: Panels,
    axis: Axes,
    variable: xr.DataArray,
    outcome: xr.DataArray | None,
    interval: tuple[float, str],
) -> None:
    rows = _row_dim(variable)
    labels = variable[rows].values
    places, kind = _places(labels)
    x = xr.Dataset({"x": (rows, places)})
    seen = np.full(len(places), np.nan) if outcome is None else outcome.values.astype(float)
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"band": variable.variable}),
            "constant_data": x,
            "observed_data": xr.Dataset({"seen": (rows, seen)}),
        }
    )
    plot_lm(
        tree,
        x="x",
        y="band",
        y_obs="seen",
        group="posterior",
        smooth=False,
        ci_prob=interval[0],
        ci_kind=interval[1],
        point_estimate="mean",
        plot_collection=panels.collection(x, {"x": axis}),
        visuals={
            "ci_band": {"color": FILL, "alpha": 0.35},
            "pe_line": {"color": INK, "alpha": 1},
            "observed_scatter": {"color": CHAINS[1], "alpha": 0.7, "size": 12},
            "xlabel": False,
            "ylabel": False,
        },
    )
    _tick(axis, places, [str(label) for label in labels], kind)
    mean = variable.mean(SAMPLE_DIMS)
    where = [f"{float(mean[row]):.4g} at {labels[row]}" for row in (0, -1)]
    panels.seen.append(f"{variable.name}: mean {' to '.join(where)}.")


def _places(labels: np.ndarray) -> tuple[Floats, str]:
    """Return where rows stand on the axis, and whether these are numbers, dates or positions."""
    texts = [str(label) for label in labels]
    try:
        numbers = np.array([float(text) for text in texts])
        if np.isfinite(numbers).all():
            return numbers, "number"
    except ValueError:
        pass
    try:
        return np.array([date.fromisoformat(t).toordinal() for t in texts], dtype=float), "date"
    except ValueError:
        return np.arange(len(texts), dtype=float), "label"


def _tick(axis: Axes, places: Floats, labels: Sequence[str], kind: str) -> None:
    """Write numbers at round ones; dates and labels at some of the rows."""
    axis.tick_params(colors=SOFT)
    if kind == "number":
        whole = bool((places == places.round()).all())
        axis.xaxis.set_major_locator(MaxNLocator(_MOST_TICKS, integer=whole))
        axis.xaxis.set_major_formatter("{x:.6g}")
        return
    shares = np.asarray(_DATE_TICKS) if kind == "date" else np.linspace(0, 1, _MOST_TICKS)
    wanted = places.min() + shares * np.ptp(places)
    shown = np.unique([np.abs(places - place).argmin() for place in wanted])
    axis.set_xticks(places[shown], [short(labels[row], _LONGEST_LABEL) for row in shown])

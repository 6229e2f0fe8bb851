"""Replicated data against the observed: their distributions, statistics, and LOO-PIT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from arviz_plots import add_lines, plot_dist, plot_ecdf_pit, plot_ppc_dist
from matplotlib.axes import Axes

from stanchion.pictures.style import (
    CHAINS,
    FILL,
    INK,
    SMALL,
    SOFT,
    Floats,
    Panels,
    draw_reason,
    drawn,
    inner_range,
    name_axis,
    note_above,
    placeholder,
    short,
)
from stanchion.stats.loo_pit import Pit
from stanchion.stats.predictive import Statistic
from stanchion.stats.uniformity import LEVEL
from stanchion.system.sentences import percent

_OVERLAID = 50
_FEWEST_FOR_DENSITY = 30
_POINTS = 300
_BINS = 30
_EDGE = 0.02
"""Share of a picture's axis at whose end the label of a tick would be cut."""
_FILLED = {
    "face": {"color": FILL, "alpha": 1.0, "linewidth": 0},
    **dict.fromkeys(("dist", "credible_interval", "point_estimate", "point_estimate_text"), False),
    **dict.fromkeys(("title", "remove_axis"), False),
}


@dataclass(frozen=True)
class Replications:
    """Observed data and their replications, `draws × observations`; observed may be missing."""

    name: str
    observed: Floats | None
    replicated: Floats
    discrete: bool
    title: str | None = None
    """What an axis of them is called."""


def replications(
    data: Replications, statistics: Sequence[Statistic], pit: Pit | None, no_pit: str
) -> bytes:
    """Draw observed against replicated data, each statistic among its replications, and LOO-PIT.

    Where there is no LOO-PIT, its panel says why (`no_pit`).
    """
    with drawn(2 + len(statistics)) as (panels, picture):
        _draw_overlay(panels, panels.axes[0], data, "replicated", tail=0.005)
        if pit is None:
            draw_reason(panels.axes[1], "LOO-PIT", no_pit)
        else:
            _draw_pit(panels, panels.axes[1], pit)
        for axis, statistic in zip(panels.axes[2:], statistics, strict=True):
            _draw_statistic(panels, axis, statistic)
    return picture.getvalue()


def prior_predictive(data: Replications | str) -> bytes:
    """Draw data that the prior predicts, with the observed where it is declared.

    A text instead of data says why there are none.
    """
    if isinstance(data, str):
        return placeholder(data)
    valued = np.isfinite(data.replicated).all(axis=1)
    if not valued.any():
        return placeholder("no draw has a finite value for each observation")
    whole = replace(data, replicated=data.replicated[valued])
    with drawn(1, columns=1, height=1.9) as (panels, picture):
        axis = panels.axes[0]
        without = (
            ""
            if valued.all()
            else f"{percent(1 - valued.mean())} of the draws have no finite value"
        )
        _draw_overlay(panels, axis, whole, "from the prior", tail=0.025, note=without)
        low, high = axis.get_xlim()
        last = high - _EDGE * (high - low)
        axis.set_xticks([tick for tick in axis.get_xticks() if low <= tick <= last])
    return picture.getvalue()


def _draw_overlay(
    panels: Panels, axis: Axes, data: Replications, label: str, tail: float, note: str = ""
) -> None:
    """Overlay densities, or ECDFs where data are discrete, few, or half of them one value.

    The note stands with the names of the lines.
    """
    numbers = np.linspace(0, len(data.replicated) - 1, min(_OVERLAID, len(data.replicated)))
    some = data.replicated[numbers.astype(np.intp)]
    low, high = inner_range(some, data.observed, tail)
    rows = some if data.observed is None else np.vstack([some, data.observed])
    smooth = not data.discrete and _have_density(rows)
    groups = {"posterior_predictive": xr.Dataset({"y": (("chain", "draw", "row"), some[None])})}
    samples = groups["posterior_predictive"].stack(sample=("chain", "draw"))
    stats = {"predictive_dist": _curves(samples, low, high, smooth=smooth)}
    if data.observed is not None:
        groups["observed_data"] = xr.Dataset({"y": ("row", data.observed)})
        stats["observed_dist"] = _curves(groups["observed_data"], low, high, smooth=smooth)
    plot_ppc_dist(
        xr.DataTree.from_dict(groups),
        kind="kde" if smooth else "ecdf",
        num_samples=len(some),
        sample_dims=["chain", "draw"],
        plot_collection=panels.collection(samples, {"y": axis}, aes={"overlay_ppc": ["sample"]}),
        stats=stats,
        visuals={
            "predictive_dist": {"color": FILL, "width": 0.7, "alpha": 0.45},
            "observed_dist": {"color": INK, "width": 1.8} if "observed_data" in groups else False,
            "title": False,
            "remove_axis": False,
        },
    )
    axis.plot([], [], color=FILL, label=f"{label}, {len(some)} draws")
    if data.observed is not None:
        axis.plot([], [], color=INK, linewidth=1.8, label="observed")
    axis.set_xlim(low, high)
    outside = float(np.mean(~((some >= low) & (some <= high))))
    beyond = f"{100 * outside:.0f} % lie outside this range" if outside > 0.01 else ""
    for remark in (beyond if data.title else "", note):
        if remark:
            axis.plot([], [], color="none", label=remark)
    name_axis(axis, data.title or beyond)
    lines = max(2, len(axis.get_legend_handles_labels()[1]))
    axis.set_ylim(0, axis.get_ylim()[1] * (1 + 0.2 * lines) if smooth else 1.2 + 0.2 * lines)
    axis.set_title(f"{short(data.name, 10)}: {'density' if smooth else 'cumulative'}")
    axis.legend(loc="upper left", borderaxespad=0, handlelength=0.9, labelspacing=0.2)
    axis.set_yticks([] if smooth else [0, 0.5, 1])


def _have_density(rows: Floats) -> bool:
    """Tell whether each row has a spread that a kernel's width could be taken from."""
    if rows.shape[1] < _FEWEST_FOR_DENSITY or not np.isfinite(rows).all():
        return False
    low, high = np.quantile(rows, (0.25, 0.75), axis=1)
    return bool((high > low).all())


def _curves(data: xr.Dataset, low: float, high: float, *, smooth: bool) -> xr.Dataset:
    """Return densities or ECDFs within a range of what has a dimension `row`.

    A density is that of all values, so that a tail outside the range lowers what is within it.
    """
    if smooth:
        inside = data.where((data >= low) & (data <= high))
        curves = inside.azstats.kde(dim="row", custom_lims=(low, high), bw="silverman")
        share = inside.notnull().mean("row").expand_dims(plot_axis=["x", "y"])
        curves = curves * share.where(share.plot_axis == "y", 1.0)
    else:
        curves = data.clip(low, high).azstats.ecdf(dim="row", npoints=_POINTS)
    for curve in curves.values():
        curve.attrs["kind"] = "kde" if smooth else "ecdf"
    return curves


def _draw_statistic(panels: Panels, axis: Axes, statistic: Statistic) -> None:
    values = statistic.replicated
    low, high = inner_range(values, np.array([statistic.observed]), 0.005)
    inside = values[(values >= low) & (values <= high)]
    if inside.size:
        data = xr.Dataset({"t": ("draw", inside)})
        collection = panels.collection(data, {"t": axis})
        plot_dist(
            data,
            sample_dims=["draw"],
            kind="hist",
            plot_collection=collection,
            stats={"dist": {"bins": np.linspace(low, high, _BINS + 1)}},
            visuals=_FILLED,
        )
        add_lines(
            collection,
            {"t": statistic.observed},
            sample_dims=["draw"],
            visuals={"ref_line": {"color": INK, "width": 1.8, "linestyle": "-", "zorder": 3}},
        )
    tail = f"tail probability {statistic.tail_probability:.2f}"
    undefined = f"undefined in {statistic.undefined} draws"
    axis.set_title(short(statistic.name))
    axis.set_xlabel(undefined if statistic.undefined else tail)
    axis.set_xlim(low, high)
    axis.set_yticks([])


def _draw_pit(panels: Panels, axis: Axes, pit: Pit) -> None:
    """Draw ECDF less uniform; the values that a departure is due to are marked."""
    data = xr.Dataset({"pit": ("row", pit.test.values)})
    plot_ecdf_pit(
        xr.DataTree.from_dict({"loo_pit": data}),
        group="loo_pit",
        sample_dims=["row"],
        method="pot_c",
        envelope_prob=1 - LEVEL,
        plot_collection=panels.collection(data, {"pit": axis}),
        visuals={
            "ecdf_lines": {"color": CHAINS[0]},
            "suspicious_points": {"color": CHAINS[1], "marker": "o", "size": 8},
            "p_value_text": {"text": _p_value, "size": SMALL, "color": SOFT},
            "xlabel": False,
            "title": False,
        },
    )
    zero, line = axis.lines
    zero.set(color=INK, linewidth=0.8, linestyle="-")
    line.set(data=_less_uniform(pit.test.values), drawstyle="default")
    note_above(axis)
    axis.set_xlim(0, 1)
    axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axis.set_xlabel(_worst_khat(pit))
    axis.set_title(f"LOO-PIT: {'uniform' if pit.test.uniform else 'not uniform'}")


def _less_uniform(values: Floats) -> tuple[Floats, Floats]:
    """Return the ECDF of ordered values less x, both sides of each step.

    ArviZ takes it at as many even points as there are values: of eight it would miss the extremes.
    """
    steps = np.repeat(np.arange(len(values) + 1) / len(values), 2)
    x = np.concatenate([[0.0], np.repeat(values, 2), [1.0]])
    return x, steps - x


def _p_value(p: float) -> str:
    return f"p={p:.2f}" if p >= 0.005 else "p<0.01"


def _worst_khat(pit: Pit) -> str:
    bad = int(pit.bad.sum())
    return f"k̂ bad at {bad} of {len(pit.bad)}" if bad else f"k̂ at most {pit.khat.max():.2f}"

"""The pictures of a fit, as PNG bytes: the same bytes for the same numbers, on any machine.

Six inches wide and two panels across, so that letters stay legible at a telephone's width; colours
are Okabe and Ito's, which people with any colour vision can tell apart.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from stanchion.stats.density import density, ecdf, inner_range
from stanchion.stats.loo_pit import Pit
from stanchion.stats.predictive import Statistic

Floats = NDArray[np.float64]
DOTS_PER_INCH = 160
MOST_RANKED = 6
_WIDTH, _PANEL_HEIGHT = 6.0, 1.45
_BELOW, _TITLE, _BETWEEN, _RIGHT = 0.5, 0.25, 0.62, 0.25
_INK, _PALE, _BAND = "#1b2631", "#56b4e9", "#d9dee3"
_CHAINS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31")
_DASHES = ("-", "--", "-.", ":")
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.parse_math": False,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8b959e",
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.8,
    "axes.formatter.limits": (-4, 5),
    "text.color": _INK,
    "xtick.color": "#4d5963",
    "ytick.color": "#4d5963",
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.4,
}
_OVERLAID = 50
_FEWEST_FOR_DENSITY = 30
_RANK_BINS = 20


@dataclass(frozen=True)
class Replications:
    """Observed data and their replications, `draws × observations`; observed may be missing."""

    name: str
    observed: Floats | None
    replicated: Floats
    discrete: bool


def ranks(names: Sequence[str], draws: Floats, rhats: Floats) -> bytes:
    """Draw rank plots of scalars (`scalar × chain × draw`): each chain's share of the joint ranks.

    Chains that explore the same distribution give flat, overlapping lines (Vehtari et al. 2021).
    """
    with _figure(len(names), top=0.65) as (figure, axes, picture):
        for axis, name, some, rhat in zip(axes, names, draws, rhats, strict=True):
            _draw_ranks(axis, some)
            axis.set_title(_short(name) if np.isnan(rhat) else f"{_short(name)}   R-hat {rhat:.3f}")
        for axis in axes[-2:]:
            axis.set_xlabel("rank among all draws")
        figure.text(0.02, 0.985, "draws ÷ expected", va="top")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper right", ncols=4, borderaxespad=0.2)
    return picture.getvalue()


def posterior_predictive(
    data: Replications, statistics: Sequence[Statistic], pit: Pit | None, no_pit: str
) -> bytes:
    """Draw observed against replicated data, each statistic among its replications, and LOO-PIT.

    Where there is no LOO-PIT, its panel says why (`no_pit`).
    """
    with _figure(2 + len(statistics)) as (_, axes, picture):
        _draw_overlay(axes[0], data, "replicated", tail=0.005)
        if pit is None:
            _draw_reason(axes[1], "LOO-PIT", no_pit)
        else:
            _draw_pit(axes[1], pit)
        for axis, statistic in zip(axes[2:], statistics, strict=True):
            _draw_statistic(axis, statistic)
    return picture.getvalue()


def prior_predictive(data: Replications) -> bytes:
    """Draw data that the prior predicts, with the observed where it is declared."""
    with _figure(1, columns=1, height=2.2) as (_, axes, picture):
        _draw_overlay(axes[0], data, "from the prior", tail=0.025)
    return picture.getvalue()


def predictions(name: str, labels: Sequence[str], rows: Floats) -> bytes:
    """Draw predictions of new rows: mean, 5 % and 95 % quantile (`row × 3`), the first forty."""
    shown = min(len(rows), 40)
    places = np.arange(shown)
    left = 0.3 + 0.085 * max(len(_short(label)) for label in labels[:shown])
    with _figure(1, columns=1, height=0.24 * shown + 0.4, left=left) as (_, axes, picture):
        mean, low, high = rows[:shown].T
        axes[0].hlines(places, low, high, color=_PALE, linewidth=4)
        axes[0].plot(mean, places, "o", color=_INK, markersize=4)
        axes[0].set_yticks(places, [_short(label) for label in labels[:shown]])
        axes[0].invert_yaxis()
        more = f", first {shown} of {len(rows)}" if len(rows) > shown else ""
        axes[0].set_title(f"{_short(name)}: mean and 90 % interval{more}")
    return picture.getvalue()


def placeholder(because: str) -> bytes:
    """Draw a picture that says why it was not made."""
    with _figure(1, columns=1, height=0.7, left=0.2) as (_, axes, picture):
        _draw_reason(axes[0], "", f"not made, because {because}")
    return picture.getvalue()


@contextmanager
def _figure(
    panels: int,
    *,
    columns: int = 2,
    height: float = _PANEL_HEIGHT,
    top: float = 0.35,
    left: float = 0.55,
) -> Iterator[tuple[Figure, list[Axes], io.BytesIO]]:
    """Make panels in a grid; afterwards the PNG is in the buffer, without software or date.

    `height` is a panel's, `top` and `left` are margins, in inches. They are fixed, because to
    measure all texts first, as matplotlib's layout engines do, takes as long as to draw them.
    """
    picture = io.BytesIO()
    rows = ceil(panels / columns)
    total = top + rows * (height + _BELOW) + (rows - 1) * _TITLE
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(_WIDTH, total))
        width = (_WIDTH - left - _RIGHT - (columns - 1) * _BETWEEN) / columns
        figure.subplots_adjust(
            left=left / _WIDTH,
            right=1 - _RIGHT / _WIDTH,
            bottom=_BELOW / total,
            top=1 - top / total,
            wspace=_BETWEEN / width,
            hspace=(_BELOW + _TITLE) / height,
        )
        axes = [figure.add_subplot(rows, columns, place + 1) for place in range(panels)]
        yield figure, axes, picture
        figure.savefig(picture, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})


def _draw_ranks(axis: Axes, draws: Floats) -> None:
    chains, size = draws.shape
    rank = np.empty(draws.size)
    rank[np.argsort(draws, axis=None, kind="stable")] = np.arange(draws.size)
    edges = np.linspace(0, draws.size, min(_RANK_BINS, size) + 1)
    for chain, own in enumerate(rank.reshape(chains, size)):
        share = np.histogram(own, edges)[0] * (len(edges) - 1) / size
        colour, dash = _CHAINS[chain % len(_CHAINS)], _DASHES[chain % len(_DASHES)]
        label = f"chain {chain + 1}"
        axis.stairs(share, edges, baseline=None, color=colour, linestyle=dash, label=label)
    axis.axhline(1, color=_INK, linewidth=0.8, zorder=0)
    low, high = axis.get_ylim()
    axis.set_ylim(min(low, 0.4), max(high, 1.6))
    axis.set_xlim(0, draws.size)
    axis.set_xticks([0, draws.size // 2, draws.size])


def _draw_overlay(axis: Axes, data: Replications, label: str, tail: float) -> None:
    """Overlay densities, or ECDFs where data are discrete, few, or far from finite."""
    shown = np.linspace(0, len(data.replicated) - 1, min(_OVERLAID, len(data.replicated)))
    some = data.replicated[shown.astype(np.intp)]
    low, high = inner_range(some, data.observed, tail)
    grid = np.linspace(low, high, 300)
    smooth = not data.discrete and some.shape[1] >= _FEWEST_FOR_DENSITY
    curve = density if smooth else ecdf
    for row in some:
        axis.plot(grid, curve(row, grid), color=_PALE, linewidth=0.7, alpha=0.45)
    axis.plot([], [], color=_PALE, label=f"{label} ({len(some)} draws)")
    if data.observed is not None:
        axis.plot(grid, curve(data.observed, grid), color=_INK, linewidth=1.8, label="observed")
    axis.set_xlim(low, high)
    axis.set_ylim(0, axis.get_ylim()[1] * 1.3 if smooth else 1.35)
    axis.set_title(f"{_short(data.name)}: {'density' if smooth else 'cumulative share'}")
    axis.legend(loc="upper left", borderaxespad=0.1, handlelength=1.2)
    if smooth:
        axis.set_yticks([])
    else:
        axis.set_yticks([0, 0.5, 1])
    outside = float(np.mean(~((some >= low) & (some <= high))))
    if outside > 0.01:
        axis.set_xlabel(f"{100 * outside:.0f} % of the values lie outside this range")


def _draw_statistic(axis: Axes, statistic: Statistic) -> None:
    low, high = inner_range(statistic.replicated, np.array([statistic.observed]), 0.005)
    axis.hist(statistic.replicated, bins=30, range=(low, high), color=_PALE)
    axis.axvline(statistic.observed, color=_INK, linewidth=1.8)
    tail = f"tail probability {statistic.tail_probability:.2f}"
    undefined = f"undefined in {statistic.undefined} draws"
    axis.set_title(f"{statistic.name}: {undefined if statistic.undefined else tail}")
    axis.set_xlim(low, high)
    axis.set_yticks([])


def _draw_pit(axis: Axes, pit: Pit) -> None:
    """Draw ECDF less uniform; the values that a departure is due to are marked."""
    values, marked = pit.test.values, pit.test.suspicious
    steps = np.arange(len(values) + 1) / len(values)
    own = steps[1:] - values
    line = np.column_stack([steps[:-1] - values, own]).ravel()
    axis.plot([0, *np.repeat(values, 2), 1], [0, *line, 0], color=_CHAINS[0])
    axis.plot(values[marked], own[marked], ".", color=_CHAINS[1], markersize=5)
    axis.axhline(0, color=_INK, linewidth=0.8)
    axis.set_xlim(0, 1)
    axis.set_xticks([0, 0.5, 1])
    reach = max(np.abs(line).max(), 1 / np.sqrt(len(own)))
    axis.set_ylim(-1.1 * reach, 1.1 * reach)
    axis.set_xlabel(_said_of_khat(pit))
    p = f"p {pit.test.p:.2f}" if pit.test.p >= 0.005 else "p < 0.01"
    axis.set_title(f"LOO-PIT: {'uniform' if pit.test.uniform else 'not uniform'}, {p}")


def _said_of_khat(pit: Pit) -> str:
    bad = int(pit.bad.sum())
    return f"k̂ bad at {bad} of {len(pit.bad)}" if bad else f"k̂ at most {pit.khat.max():.2f}"


def _draw_reason(axis: Axes, title: str, reason: str) -> None:
    axis.set_axis_off()
    axis.set_title(title)
    width = 34 if title else 68
    text = textwrap.fill(reason, width)
    axis.text(0, 0.9 if title else 0.5, text, va="top" if title else "center", fontsize=10)


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"

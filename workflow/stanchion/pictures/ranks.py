"""Rank plots: whether the chains of a fit drew from one distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import xarray as xr
from arviz_plots import plot_rank
from matplotlib.axes import Axes

from stanchion.pictures.style import (
    CHAINS,
    DASHES,
    INK,
    Floats,
    Panels,
    drawn,
    placeholder,
    short,
)

_MOST_RANKED = 6
MOST_DRAWS = 500
"""Draws a chain that are ranked, evenly taken: a panel is 140 pixels wide on a telephone, and the
time of `plot_rank` grows faster than the draws: six scalars of four chains took 0.4 s at 500, 2.2 s
at 2,000, and minutes at 25,000."""
_ENVELOPE = 0.99


@dataclass(frozen=True)
class Chains:
    """Draws of scalars (`chain × draw × scalar`), and which of them are to be looked at."""

    names: Sequence[str]
    draws: Floats
    rhats: Floats
    varying: Sequence[int]


def ranks(chains: Chains) -> bytes:
    """Draw the ranks of the scalars of largest R-hat, worst first, or say why there are none."""
    if chains.draws.shape[0] == 1:
        return placeholder("ranks compare chains, and this fit has one")
    if not chains.varying:
        return placeholder("no quantity of this fit varies")
    gravity = np.nan_to_num(chains.rhats, nan=np.inf)
    worst = sorted(chains.varying, key=lambda index: -gravity[index])[:_MOST_RANKED]
    names = [chains.names[index] for index in worst]
    return _ranks(names, np.moveaxis(chains.draws[:, :, worst], 2, 0), chains.rhats[worst])


def _ranks(names: Sequence[str], draws: Floats, rhats: Floats) -> bytes:
    """Draw each chain's Δ-ECDF of ranks among all draws, by scalar (`scalar × chain × draw`).

    Chains that explore the same distribution stay about zero; the R-hat stands below.
    """
    _, chains, size = draws.shape
    every = ceil(size / MOST_DRAWS)
    lines = ceil(min(chains, _distinct_styles()) / 4)
    with drawn(len(names), top=0.52 + 0.2 * lines) as (panels, picture):
        _draw(panels, draws[:, :, ::every])
        for axis, name, rhat in zip(panels.axes, names, rhats, strict=True):
            axis.axhline(0, color=INK, linewidth=0.8, zorder=0)
            axis.set_title(short(name))
            axis.set_xlabel("" if np.isnan(rhat) else f"R-hat {rhat:.3f}")
            axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        _head(panels, chains, every)
    return picture.getvalue()


def _draw(panels: Panels, draws: Floats) -> None:
    keys = [str(number) for number in range(len(draws))]
    dims = ("chain", "draw")
    data = xr.Dataset(
        {key: (dims, scalar) for key, scalar in zip(keys, draws, strict=True)},
        coords={dim: np.arange(size) for dim, size in zip(dims, draws.shape[1:], strict=True)},
    )
    properties = ("color", "linestyle", "overlay")
    collection = panels.collection(
        data,
        dict(zip(keys, panels.axes, strict=True)),
        aes={name: ["chain"] for name in properties},
        color=CHAINS,
        linestyle=DASHES,
    )
    plot_rank(
        data,
        sample_dims=list(dims),
        envelope_prob=_ENVELOPE,
        plot_collection=collection,
        visuals={
            "title": False,
            "xlabel": False,
            "remove_axis": False,
            "ecdf_lines": {"width": 1.2},
        },
    )
    for axis in panels.axes:
        _without_test(axis)


def _without_test(axis: Axes) -> None:
    """Take away p-value and marks of a test that takes each chain's draws as independent.

    Of four chains with one distribution and an autocorrelation of 0.8 it finds fault at 1 % with
    more than half, when every second draw is ranked; `plot_rank` has no switch for it.
    """
    for artist in (*axis.texts, *axis.collections):
        artist.remove()
    low, high = axis.get_ylim()
    axis.set_ylim(1.1 * low, 1.1 * high)


def _head(panels: Panels, chains: int, every: int) -> None:
    """Say above the panels what is drawn, and which line is which chain's."""
    height = panels.figure.get_figheight()
    of = "" if every == 1 else f" of 1 draw in {every}"
    text = f"ECDF of a chain's ranks{of}, less uniform"
    panels.figure.text(0.02, 1 - 0.06 / height, text, va="top")
    shown = panels.axes[0].lines[:chains]
    labels = [f"chain {number + 1}" for number in range(chains)]
    if chains > _distinct_styles():
        shown, labels = shown[:0], []
    panels.figure.legend(
        shown,
        labels,
        loc="upper left",
        bbox_to_anchor=(0.01, 1 - 0.22 / height),
        ncols=4,
        borderaxespad=0,
        columnspacing=1.0,
        handlelength=1.6,
    )


def _distinct_styles() -> int:
    """Return how many chains have a colour and a dash of their own."""
    return int(np.lcm(len(CHAINS), len(DASHES)))

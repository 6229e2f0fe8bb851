"""Rank plots: whether the chains of a fit drew from one distribution."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
import xarray as xr
from arviz_plots import plot_rank
from matplotlib.axes import Axes

from stanchion.pictures.chains import Chains, head, room_for_head
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


def ranks(chains: Chains) -> bytes:
    """Draw the ranks of the scalars of largest R-hat, worst first, or say why there are none."""
    if chains.no_chains:
        return placeholder(chains.no_chains)
    if chains.draws.shape[0] == 1:
        return placeholder("ranks compare chains, and this fit has one")
    if chains.draws.shape[1] == 1:
        return placeholder("one draw a chain has no ranks")
    if not chains.varying:
        return placeholder("no quantity of this fit varies")
    worst = chains.worst(_MOST_RANKED)
    names = [chains.names[index] for index in worst]
    return _ranks(names, np.moveaxis(chains.draws[:, :, worst], 2, 0), chains.rhats[worst])


def _ranks(names: Sequence[str], draws: Floats, rhats: Floats) -> bytes:
    """Draw each chain's Δ-ECDF of ranks among all draws, by scalar (`scalar × chain × draw`).

    Chains that explore the same distribution stay about zero; the R-hat stands below.
    """
    _, chains, size = draws.shape
    every = ceil(size / MOST_DRAWS)
    with drawn(len(names), top=room_for_head(chains)) as (panels, picture):
        _draw(panels, draws[:, :, ::every])
        for axis, name, rhat in zip(panels.axes, names, rhats, strict=True):
            axis.axhline(0, color=INK, linewidth=0.8, zorder=0)
            axis.set_title(short(name))
            axis.set_xlabel("" if np.isnan(rhat) else f"R-hat {rhat:.3f}")
            axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        of = "" if every == 1 else f" of 1 draw in {every}"
        text = f"ECDF of a chain's ranks{of}, less uniform"
        head(panels, text, panels.axes[0].lines[:chains])
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
        method="envelope",
        thin=False,
        stats={"ecdf_pit": {"n_simulations": 1}},
        plot_collection=collection,
        visuals={
            "title": False,
            "credible_interval": False,
            "xlabel": False,
            "remove_axis": False,
            "ecdf_lines": {"width": 1.2},
        },
    )
    size = draws.shape[2]
    for axis in panels.axes:
        axis.set_ylim(*_limits(axis, size))


def _limits(axis: Axes, size: int) -> tuple[float, float]:
    """Return limits that hold all lines, and the chance of so many independent draws.

    That is the inequality of Dvoretzky, Kiefer and Wolfowitz. A test of ranks takes a chain's draws
    as independent: of four chains with one distribution and an autocorrelation of 0.8 ArviZ's finds
    fault at 1 % with more than half, so that neither its p-value nor an envelope is drawn.
    """
    chance = np.sqrt(np.log(2 / (1 - _ENVELOPE)) / (2 * size))
    actual = max(float(np.abs(line.get_ydata()).max()) for line in axis.lines)
    limit = 1.1 * max(1.3 * chance, actual)
    return -limit, limit

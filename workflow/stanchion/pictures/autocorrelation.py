"""Autocorrelations: how many draws it takes a chain to forget where it was."""

from __future__ import annotations

import numpy as np
from arviz_stats.base import array_stats

from stanchion.pictures.chains import Chains, chain_style, head, room_for_head
from stanchion.pictures.style import INK, Floats, drawn, placeholder, short
from stanchion.system.sentences import listed

_MOST_PANELS = 4
MOST_LAGS = 60


def autocorrelation(chains: Chains) -> bytes:
    """Draw the autocorrelation of the scalars of largest R-hat by chain, or say why there is none.

    A chain that forgets in a few draws is about zero soon; each independent draw is one less else.
    """
    numbers = chains.worst(_MOST_PANELS)
    if chains.no_chains or not numbers:
        return placeholder(chains.no_chains or "no quantity of this fit varies")
    count, size = chains.draws.shape[:2]
    if size < 2:
        return placeholder("one draw a chain has no autocorrelation")
    with drawn(len(numbers), top=room_for_head(count)) as (panels, picture):
        for axis, number in zip(panels.axes, numbers, strict=True):
            for chain, values in enumerate(autocorrelations(chains.draws[:, :, number])):
                color, dash = chain_style(chain)
                axis.plot(values, linewidth=1.2, color=color, linestyle=dash)
            axis.axhline(0, color=INK, linewidth=0.8, zorder=0)
            axis.set_ylim(min(-0.25, axis.get_ylim()[0]), 1.05)
            axis.set_title(short(chains.names[number]))
            axis.set_xlabel("lag, draws")
        head(panels, "Autocorrelation", panels.axes[0].lines[:count])
        names = listed([chains.names[number] for number in numbers])
        panels.seen.append(f"Autocorrelation of {names} over the first lags, a line a chain.")
    return picture.getvalue()


def autocorrelations(draws: Floats) -> Floats:
    """Return the autocorrelation of each chain (`chain × lag`); NaN of one that does not move."""
    scale = np.abs(draws).max()
    values = array_stats.autocorr(draws / scale if scale > 0 else draws, axis=-1)
    return np.asarray(values[:, : MOST_LAGS + 1])

"""Traces: where each chain was, draw after draw, and where its divergences were."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from stanchion.pictures.chains import Chains, Flags, head, room_for_head
from stanchion.pictures.style import (
    CHAINS,
    INK,
    TOO_FAR,
    Floats,
    draw_reason,
    drawn,
    is_drawable,
    placeholder,
    short,
)
from stanchion.system.sentences import counted, listed

MOST_TRACED = 4
_BINS = 120
"""A panel is 140 pixels wide on a telephone; a chain's line turns twice a bin."""
_MOST_MARKS = 300


def trace(chains: Chains) -> bytes:
    """Draw the scalars of largest R-hat along the draws, worst first, or say why there are none."""
    numbers = chains.worst(MOST_TRACED)
    if chains.no_chains or not numbers:
        return placeholder(chains.no_chains or "no quantity of this fit varies")
    count, size = chains.draws.shape[:2]
    with drawn(len(numbers), top=room_for_head(count)) as (panels, picture):
        for axis, number in zip(panels.axes, numbers, strict=True):
            if not is_drawable(chains.draws[:, :, number]):
                draw_reason(axis, short(chains.names[number]), TOO_FAR)
                continue
            _draw(axis, chains.draws[:, :, number])
            mark_divergences(axis, chains.diverging)
            axis.set_title(short(chains.names[number]))
            axis.set_xlim(0, size)
            axis.locator_params(axis="x", nbins=4, prune="upper")
            axis.set_xlabel("draw")
        every = -(-size // _BINS)
        what = "Draws of each chain" if every == 1 else f"Extremes of each {every} draws of a chain"
        lines = next((axis.lines[:count] for axis in panels.axes if axis.lines), [])
        head(panels, what, lines)
        names = listed([chains.names[number] for number in numbers])
        divergent = 0 if chains.diverging is None else int(chains.diverging.sum())
        marked = f", ticks mark {counted(divergent, 'divergence')}" if divergent else ""
        panels.seen.append(f"{counted(count, 'chain')} of {size} draws of {names}{marked}.")
    return picture.getvalue()


def mark_divergences(axis: Axes, diverging: Flags | None) -> None:
    """Mark below the draws those that a divergence ended, of whichever chain."""
    if diverging is None or not diverging.any():
        return
    draws = np.flatnonzero(diverging.any(axis=0))
    some = draws[:: -(-len(draws) // _MOST_MARKS)]
    low, high = axis.get_ylim()
    axis.plot(some + 0.5, np.full(len(some), low - (high - low) / 15), "|", color=INK, markersize=5)


def _draw(axis: Axes, draws: Floats) -> None:
    """Draw a line a chain (`chain × draw`), through the least and the largest of each few draws."""
    finite = np.where(np.isfinite(draws), draws, np.nan)
    starts = np.arange(0, draws.shape[1], -(-draws.shape[1] // _BINS))
    low, high = (extreme.reduceat(finite, starts, axis=1) for extreme in (np.fmin, np.fmax))
    middles = (starts + np.append(starts[1:], draws.shape[1])) / 2
    x, y = np.repeat(middles, 2), np.stack([low, high], axis=2).reshape(len(draws), -1)
    for number, line in enumerate(y):
        axis.plot(x, line, linewidth=0.7, alpha=0.8, color=CHAINS[number % len(CHAINS)])

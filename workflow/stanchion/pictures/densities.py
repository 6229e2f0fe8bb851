"""Posterior densities, with the prior's over them where the fit has draws of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from arviz_stats.base import array_stats
from matplotlib.axes import Axes

from stanchion.pictures.chains import Chains
from stanchion.pictures.style import (
    FILL,
    INK,
    TOO_FAR,
    Floats,
    Panels,
    draw_reason,
    drawn,
    inner_range,
    is_drawable,
    placeholder,
    short,
    tick_few,
)
from stanchion.stats.density import bandwidth
from stanchion.system.sentences import counted, listed

MOST_PANELS = 10
_MOST_SMOOTHED = 4000
"""Draws that a density is of, evenly taken: the curve of 4,000 is the eye's of 40,000."""
_TAIL = 0.005
_POINTS = 256
_LEAST_SPREAD = 1e-12
"""Share of a panel below which values differ by rounding only."""
_NAMED = 8


@dataclass(frozen=True)
class Curve:
    """A density over values, per width of the panel: its mean there is the share of draws within.

    So it has a height that can be drawn, however large the values are.
    """

    x: Floats
    y: Floats


def densities(chains: Chains) -> bytes:
    """Draw the density of each scalar over all chains, and of its prior, or say why there are none.

    A panel is as wide as the posterior, and a prior that is wider runs out of it.
    """
    numbers = shown_densities(chains)
    if not numbers:
        return placeholder("no quantity of this fit varies")
    with drawn(len(numbers), height=0.65, top=0.75, left=0.2, below=0.3) as (panels, picture):
        for axis, number in zip(panels.axes, numbers, strict=True):
            values = chains.draws[:, :, number].ravel()
            _draw(axis, chains.names[number], values, chains.prior.get(number))
        _head(panels, chains, numbers)
    return picture.getvalue()


def shown_densities(chains: Chains) -> list[int]:
    """Return the scalars that are drawn, in declared order: those of the smallest variables first.

    So a vector of a thousand elements does not hide the scale that it has.
    """
    candidates = [index for index in chains.varying if index]
    sizes: dict[str, int] = {}
    for index in candidates:
        sizes[chains.variables[index]] = sizes.get(chains.variables[index], 0) + 1
    by_size = sorted(candidates, key=lambda index: (sizes[chains.variables[index]], index))
    return sorted(by_size[:MOST_PANELS])


def curve(values: Floats, low: float, high: float) -> Curve | None:
    """Return the density of what lies within a range, None where it has no spread there."""
    inside = values[(values >= low) & (values <= high)]
    unit = (inside[:: -(-len(inside) // _MOST_SMOOTHED) or 1] - low) / (high - low)
    if len(unit) < 2 or not np.ptp(unit) > _LEAST_SPREAD:
        return None
    x, y, _ = array_stats.kde(unit, grid_len=_POINTS, bw=bandwidth(unit))
    return Curve(low + x * (high - low), y * len(inside) / len(values))


def _draw(axis: Axes, name: str, values: Floats, prior: Floats | None) -> None:
    low, high = inner_range(values, None, _TAIL)
    posterior = curve(values, low, high) if is_drawable(values) else None
    if posterior is None:
        reason = TOO_FAR if not is_drawable(values) else "nearly all draws are one value"
        draw_reason(axis, short(name), reason)
        return
    axis.fill_between(posterior.x, posterior.y, color=FILL, alpha=0.45, linewidth=0)
    axis.plot(posterior.x, posterior.y, color=FILL, linewidth=1.6)
    before = curve(prior, low, high) if prior is not None else None
    if before is not None:
        axis.plot(before.x, before.y, color=INK, linewidth=1.2, linestyle="--")
    axis.set_xlim(low, high)
    axis.set_ylim(0, 1.08 * float(posterior.y.max()))
    tick_few(axis)
    axis.set_yticks([])
    axis.set_title(short(name))


def _head(panels: Panels, chains: Chains, numbers: Sequence[int]) -> None:
    """Say above the panels what is drawn of how many, and below them nothing."""
    height = panels.figure.get_figheight()
    total = sum(1 for index in chains.varying if index)
    part = f", {len(numbers)} of {total} quantities" if total > len(numbers) else ""
    panels.figure.text(0.02, 1 - 0.06 / height, f"Density{part}", va="top")
    has_prior = any(number in chains.prior for number in numbers)
    entries = panels.axes[0].plot([], [], color=FILL, linewidth=4, alpha=0.7)
    labels = ["posterior"]
    if has_prior:
        entries += panels.axes[0].plot([], [], color=INK, linewidth=1.2, linestyle="--")
        labels.append("prior")
    panels.figure.legend(
        entries,
        labels,
        loc="upper left",
        bbox_to_anchor=(0.01, 1 - 0.24 / height),
        ncols=2,
        borderaxespad=0,
    )
    names = [chains.names[number] for number in numbers]
    more = [counted(len(names) - _NAMED, "other")] if len(names) > _NAMED else []
    over = ", with the prior over them" if has_prior else ""
    panels.seen.append(f"Densities of {listed([*names[:_NAMED], *more])}{over}.")

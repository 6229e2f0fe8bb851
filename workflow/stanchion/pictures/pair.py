"""The pair of scalars in which the divergences of a fit are seen to lie."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.stats import rankdata

from stanchion.pictures.chains import Chains, Flags
from stanchion.pictures.style import (
    CHAINS,
    FILL,
    INK,
    TOO_FAR,
    Floats,
    drawn,
    is_drawable,
    placeholder,
    short,
)
from stanchion.system.sentences import counted

_MOST_SCALARS = 2000
_MOST_DRAWS = 1000
"""Of each kind, that the choice looks at; the picture shows as many."""
_ALIKE = 0.95
_WIDE = 20.0


def pair(chains: Chains) -> bytes:
    """Draw two scalars against each other with the divergences marked, or say why there are none.

    Divergences are shown where they lie: the first scalar is the one whose draws at divergences
    differ most from the others, by the largest distance of their distribution functions
    (Kolmogorov–Smirnov), the second the next one that is not nearly a function of the first (rank
    correlation under 0.95). Without divergences they are those of largest R-hat.
    """
    numbers = chosen_pair(chains)
    if chains.no_chains or len(numbers) < 2:
        return placeholder(chains.no_chains or "fewer than two parameters vary")
    draws = chains.draws[:, :, numbers].reshape(-1, 2)
    if not all(map(is_drawable, draws.T)):
        return placeholder(TOO_FAR)
    flags = _flags(chains)
    first, second = (chains.names[number] for number in numbers)
    with drawn(1, columns=1, height=2.6, left=0.75) as (panels, picture):
        axis = panels.axes[0]
        others, divergent = draws[~flags], draws[flags]
        _scatter(axis, others, color=FILL, size=6, alpha=0.35)
        _scatter(axis, divergent, color=CHAINS[1], size=14, alpha=0.9)
        axis.set_xlabel(short(second, 40))
        axis.set_ylabel(short(first, 24))
        if _spans_magnitudes(draws[:, 0]):
            axis.set_yscale("log")
            axis.yaxis.set_major_formatter(_plain)
        if _spans_magnitudes(draws[:, 1]):
            axis.set_xscale("log")
            axis.xaxis.set_major_formatter(_plain)
        marked = counted(len(divergent), "divergence")
        axis.set_title(f"{marked} among {len(draws):,} draws", color=INK)
        panels.seen.append(
            f"{first} against {second}, chosen where divergences lie, {marked} marked."
            if len(divergent)
            else f"{first} against {second}; there are no divergences."
        )
    return picture.getvalue()


def chosen_pair(chains: Chains) -> list[int]:
    """Return the scalars that are drawn, the first by where divergences lie; fewer where few vary.

    A transformed parameter is taken where fewer than two parameters vary.
    """
    candidates = [number for number in chains.worst(_MOST_SCALARS) if number]
    sampled = set(chains.sampled)
    drawn_by_sampler = [number for number in candidates if number in sampled]
    candidates = drawn_by_sampler if len(drawn_by_sampler) > 1 else candidates
    if len(candidates) < 2:
        return candidates
    draws = chains.draws.reshape(-1, chains.draws.shape[2])
    flags = _flags(chains)
    if flags.any() and not flags.all():
        rows = np.concatenate([_some(np.flatnonzero(kind)) for kind in (flags, ~flags)])
        distances = separations(draws[rows][:, candidates], flags[rows])
        candidates = [candidates[index] for index in np.argsort(-distances, kind="stable")]
    rows = _some(np.arange(len(draws)))
    for number in candidates[1:]:
        if not _is_alike(draws[rows, candidates[0]], draws[rows, number]):
            return [candidates[0], number]
    return candidates[:2]


def separations(draws: Floats, flags: Flags) -> Floats:
    """Return the Kolmogorov–Smirnov distance of flagged rows from others, by column of `draws`."""
    order = np.argsort(draws, axis=0, kind="stable")
    flagged = np.cumsum(flags[order], axis=0) / flags.sum()
    others = np.cumsum(~flags[order], axis=0) / (~flags).sum()
    ordered = np.take_along_axis(draws, order, axis=0)
    last = np.vstack([ordered[1:] != ordered[:-1], np.ones((1, draws.shape[1]), np.bool_)])
    return np.asarray(np.where(last, np.abs(flagged - others), 0).max(axis=0))


def _flags(chains: Chains) -> Flags:
    shape = chains.draws.shape[:2]
    return (np.zeros(shape, np.bool_) if chains.diverging is None else chains.diverging).ravel()


def _is_alike(first: Floats, second: Floats) -> bool:
    return bool(abs(np.corrcoef(rankdata(first), rankdata(second))[0, 1]) >= _ALIKE)


def _some(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return at most so many of these row numbers, evenly taken."""
    return rows[:: max(-(-len(rows) // _MOST_DRAWS), 1)]


def _scatter(axis: Axes, draws: Floats, *, color: str, size: float, alpha: float) -> None:
    shown = draws[_some(np.arange(len(draws)))]
    axis.scatter(shown[:, 1], shown[:, 0], s=size, color=color, alpha=alpha, linewidths=0)


def _plain(value: float, _: object) -> str:
    return f"{value:g}"


def _spans_magnitudes(values: Floats) -> bool:
    """Whether all are positive and a scale of magnitudes shows more: as of a scale in a funnel."""
    low, high = np.quantile(values, (0.01, 0.99))
    return bool(values.min() > 0 and high / low > _WIDE)

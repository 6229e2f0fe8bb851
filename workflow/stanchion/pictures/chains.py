"""What a fit's pictures are drawn of: its scalars by chain, its sampler, and its prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

import numpy as np
from matplotlib.artist import Artist
from numpy.typing import NDArray

from stanchion.pictures.style import CHAINS, DASHES, Floats, Panels

Flags = NDArray[np.bool_]
_LEGEND_COLUMNS = 4


@dataclass(frozen=True)
class Chains:
    """Draws of scalars (`chain × draw × scalar`), and which of them are to be looked at.

    The first scalar is the log density. `no_chains` says why the draws are no Markov chains', else
    it is empty; `prior` are draws from the prior by the index of the scalar.
    """

    names: Sequence[str]
    draws: Floats
    rhats: Floats
    varying: Sequence[int]
    variables: Sequence[str] = ()
    """The variable of each scalar."""
    sampled: Sequence[int] = ()
    """The scalars that are elements of parameters."""
    diverging: Flags | None = None
    energy: Floats | None = None
    prior: Mapping[int, Floats] = field(default_factory=dict)
    no_chains: str = ""

    def worst(self, most: int) -> list[int]:
        """Return the varying scalars of largest R-hat, worst first; none is worse than no R-hat."""
        gravity = np.nan_to_num(self.rhats, nan=np.inf)
        return sorted(self.varying, key=lambda index: -gravity[index])[:most]


def chain_style(number: int) -> tuple[str, str]:
    """Return colour and dash of a chain, by its number from zero."""
    return CHAINS[number % len(CHAINS)], DASHES[number % len(DASHES)]


def room_for_head(chains: int) -> float:
    """Return the inches that a line of text and the legend of the chains take."""
    return 0.52 + 0.2 * ceil(min(chains, distinct_styles()) / _LEGEND_COLUMNS)


def head(panels: Panels, text: str, lines: Sequence[Artist]) -> None:
    """Say above the panels what is drawn, and which line is which chain's."""
    height = panels.figure.get_figheight()
    panels.figure.text(0.02, 1 - 0.06 / height, text, va="top")
    labels = [f"chain {number + 1}" for number in range(len(lines))]
    if len(lines) > distinct_styles():
        lines, labels = lines[:0], []
    panels.figure.legend(
        lines,
        labels,
        loc="upper left",
        bbox_to_anchor=(0.01, 1 - 0.22 / height),
        ncols=_LEGEND_COLUMNS,
        borderaxespad=0,
        columnspacing=1.0,
        handlelength=1.6,
    )


def distinct_styles() -> int:
    """Return how many chains have a colour and a dash of their own."""
    return int(np.lcm(len(CHAINS), len(DASHES)))

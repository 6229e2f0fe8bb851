"""Pareto k̂ by observation: which of them leaving one out is not to be trusted of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stanchion.pictures.outcomes import Checked, Outcomes
from stanchion.pictures.style import CHAINS, FILL, INK, Floats, apart, drawn, placeholder, short
from stanchion.stats.thresholds import khat_threshold
from stanchion.system.sentences import listed

_MOST_POINTS = 2000
_NAMED = 3


@dataclass(frozen=True)
class Khats:
    """The k̂ of a fit's observations, from so many draws; NaN where one could not be estimated."""

    values: Floats
    bad: NDArray[np.bool_]
    labels: Sequence[str]
    draws: int

    @property
    def worst(self) -> list[int]:
        """The observations of the largest k̂, worst first; none is worse than no number."""
        gravity = np.nan_to_num(self.values, nan=np.inf)
        return np.argsort(-gravity, kind="stable")[:_NAMED].tolist()


def khat(outcomes: Outcomes) -> bytes:
    """Draw the k̂ of each observation with its threshold, the worst named, or why there are none."""
    checked = outcomes.checked
    if not isinstance(checked, Checked) or checked.pit is None:
        reason = checked.no_pit if isinstance(checked, Checked) else checked
        return placeholder(reason or "no checks are declared that leave observations out")
    labels, size = checked.labels, len(checked.data.replicated)
    return _khat(Khats(checked.pit.khat, checked.pit.bad, labels, size))


def _khat(khats: Khats) -> bytes:
    """Draw at most so many points, all that are bad among them first."""
    with drawn(1, columns=1, height=1.7) as (panels, picture):
        axis, threshold = panels.axes[0], khat_threshold(khats.draws)
        finite = np.isfinite(khats.values)
        for rows, color, size in (
            (np.flatnonzero(finite & ~khats.bad), FILL, 8),
            (np.flatnonzero(finite & khats.bad), CHAINS[1], 16),
        ):
            some = rows[:: max(-(-len(rows) // _MOST_POINTS), 1)]
            axis.scatter(some + 1, khats.values[some], s=size, color=color, linewidths=0)
        axis.axhline(threshold, color=INK, linewidth=0.8, linestyle="--")
        highest = float(khats.values[finite].max(initial=threshold))
        lowest = float(khats.values[finite].min(initial=0.0))
        axis.set_ylim(lowest - 0.08, highest + 0.3 * (highest - lowest) + 0.1)
        axis.set_xlim(0.5, len(khats.values) + 0.5)
        worst = [row for row in khats.worst if finite[row]]
        points = [(row + 1, khats.values[row], short(khats.labels[row], 16)) for row in worst]
        for number in apart(axis, points):
            x, y, name = points[number]
            side = "right" if x > len(khats.values) / 2 else "left"
            axis.text(x, y, f" {name} ", ha=side, va="bottom", size=10)
        bad = int(khats.bad.sum())
        axis.set_title(f"Pareto k̂: {bad} of {len(khats.values):,} bad, threshold {threshold:.2f}")
        axis.set_xlabel("observation")
        named = listed([khats.labels[row] for row in khats.worst])
        panels.seen.append(
            f"{bad} of {len(khats.values)} are bad, above {threshold:.2f} or without a number; "
            f"the largest are those of {named}."
        )
    return picture.getvalue()

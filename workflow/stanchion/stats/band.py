"""The mean of each of many quantities, and an interval around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stanchion.stats.intervals import CENTRAL, interval_names
from stanchion.stats.summary import Floats, summarise

DEFAULT: Mapping[str, Any] = {"prob": 0.9, "kind": "equal_tailed"}
"""The interval where none is declared."""


def band(draws: Floats, intervals: Mapping[str, Any] | None) -> Floats:
    """Return mean, lower and upper end (`row × 3`) of draws, `chain × draw × row`.

    The ends are those of `intervals` {prob, kind}, else of the central 90 %; a row with NaN among
    its draws has no numbers.
    """
    ends = interval_names(intervals) or CENTRAL
    numbers = summarise(draws, range(draws.shape[2]), sampled=False, intervals=intervals)
    return np.stack([numbers[name] for name in ("mean", *ends)], axis=1)

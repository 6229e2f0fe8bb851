"""Thresholds that follow from the number of draws. Imports nothing heavier than `math`."""

from __future__ import annotations

from math import inf, log10


def khat_threshold(draws: int) -> float:
    """Return the k̂ above which an estimate from this many draws is not to be trusted.

    min(1 − 1 / log10 S, 0.7) (Vehtari et al. 2024); a single draw allows none.
    """
    return min(1 - 1 / log10(draws), 0.7) if draws > 1 else -inf

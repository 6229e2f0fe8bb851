"""Names of the columns that hold the ends of intervals, and points. Imports nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CENTRAL = ("q5", "q95")
"""The ends of the interval that every summary has: equal tails of 5 %."""
ESTIMATE, ERROR = "estimate", "se"
"""The columns of a point: where it is, and its standard error by curvature."""


def interval_names(intervals: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the two columns that declared intervals {prob, kind} add, or none."""
    if intervals is None:
        return ()
    stem = f"{'hdi' if intervals['kind'] == 'hdi' else 'eti'}{100 * intervals['prob']:g}"
    return f"{stem}_lower", f"{stem}_upper"

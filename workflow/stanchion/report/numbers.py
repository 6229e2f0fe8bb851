"""Numbers as a reader should see them: no digit that the Monte Carlo error does not support."""

from __future__ import annotations

import math

MOST_DECIMALS = 6
MISSING = "–"


def decimals(error: float | None, sd: float | None) -> int:
    """Return how many decimals a posterior summary is shown with.

    The last one is the first significant digit of the Monte Carlo standard error; without one,
    the second significant digit of the posterior sd.
    """
    for scale, digits in ((error, 0), (sd, 1)):
        if scale is not None and math.isfinite(scale) and scale > 0:
            return min(max(digits - math.floor(math.log10(scale)), 0), MOST_DECIMALS)
    return 2


def fixed(value: float | None, places: int) -> str:
    """Return a number with so many decimals, a dash where there is none."""
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) >= 1e7:
        return f"{value:.2e}".replace("-", "−")
    text = f"{value:.{places}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")


def significant(value: float | None, digits: int = 3) -> str:
    """Return a number with so many significant digits, a dash where there is none."""
    if value is None or not math.isfinite(value) or value == 0 or abs(value) >= 1e7:
        return fixed(value, 0)
    return fixed(value, min(max(digits - 1 - math.floor(math.log10(abs(value))), 0), 9))


def probability(value: float | None) -> str:
    """Return a probability with two decimals, its end marked where it would round to 0 or 1."""
    if value is None:
        return MISSING
    return "< 0.01" if value < 0.005 else "> 0.99" if value > 0.995 else fixed(value, 2)

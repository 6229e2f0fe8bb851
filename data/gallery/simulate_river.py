"""Make river.csv: 5,000 readings of a river's level over a year, in waves.

Truth: a swing of a year, one of 97 days, and a flood in May, on 150 cm; waves scatter a reading
with an sd of 15 cm.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

SEED, READINGS, WAVES = 20261126, 5000, 15.0


def truth(day: float) -> float:
    """Return the river's level without waves, in cm."""
    year = 50 * math.sin(2 * math.pi * (day - 20) / 365)
    season = 20 * math.sin(2 * math.pi * day / 97)
    flood = 40 * math.exp(-(((day - 130) / 12) ** 2))
    return 150 + year + season + flood


def table() -> str:
    """Return the table as text."""
    rng = random.Random(SEED)
    days = sorted(round(rng.uniform(0, 365), 2) for _ in range(READINGS))
    readings = (f"{day:.2f},{rng.gauss(truth(day), WAVES):.1f}" for day in days)
    return "\n".join(["day,level", *readings]) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("river.csv").write_text(table())

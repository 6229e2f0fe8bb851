"""Make heating.csv: the gas that a house uses in a day, by how cold the day is.

The truth: 12 kWh for hot water, 3.5 kWh for each degree below 15 °C, scatter with an sd of 8 kWh.
"""

from __future__ import annotations

import random
from pathlib import Path

SEED = 20261122
DAYS = 60
HOT_WATER, A_DEGREE, SCATTER = 12.0, 3.5, 8.0


def table() -> str:
    """Return the table as text."""
    rng = random.Random(SEED)
    lines = ["day,degrees,gas"]
    for day in range(1, DAYS + 1):
        degrees = round(rng.uniform(0, 15), 1)
        gas = rng.gauss(HOT_WATER + A_DEGREE * degrees, SCATTER)
        lines.append(f"{day},{degrees:.1f},{gas:.1f}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("heating.csv").write_text(table())

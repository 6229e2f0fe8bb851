"""Make barley.csv: the yield of five varieties of barley on twenty plots each.

The truth: means of 5.0, 5.2, 5.3, 5.6 and 5.7 t/ha, and plots of a variety with an sd of 0.6 t/ha.
"""

from __future__ import annotations

import random
from pathlib import Path

SEED = 1
PLOTS = 20
MEANS = {"A": 5.0, "B": 5.2, "C": 5.3, "D": 5.6, "E": 5.7}
SCATTER = 0.6


def table() -> str:
    """Return the table as text."""
    rng = random.Random(SEED)
    lines = ["plot,variety,yield"]
    for variety, mean in MEANS.items():
        for _ in range(PLOTS):
            lines.append(f"{len(lines)},{variety},{rng.gauss(mean, SCATTER):.2f}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("barley.csv").write_text(table())

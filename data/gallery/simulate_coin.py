"""Make coin.csv: fifty throws of a bent coin.

The truth: heads in 65 % of the throws.
"""

from __future__ import annotations

import random
from pathlib import Path

SEED = 20261124
THROWS = 50
HEADS = 0.65


def table() -> str:
    """Return the table as text."""
    rng = random.Random(SEED)
    rows = (f"{throw},{int(rng.random() < HEADS)}\n" for throw in range(1, THROWS + 1))
    return "throw,heads\n" + "".join(rows)


if __name__ == "__main__":
    Path(__file__).with_name("coin.csv").write_text(table())

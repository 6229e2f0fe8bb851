"""Make ab_test.csv: visitors of two versions of a page, and how many of them bought.

The truth: version A sells to 10 % of its visitors, version B to 12 %.
"""

from __future__ import annotations

import random
from pathlib import Path

SEED = 20261123
DAYS = 14
BUY = {"A": 0.10, "B": 0.12}


def table() -> str:
    """Return the table as text."""
    rng = random.Random(SEED)
    lines = ["day,week,version,visitors,buyers"]
    for day in range(1, DAYS + 1):
        for version, probability in BUY.items():
            visitors = rng.randint(70, 130)
            buyers = sum(rng.random() < probability for _ in range(visitors))
            lines.append(f"{day},{(day + 6) // 7},{version},{visitors},{buyers}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("ab_test.csv").write_text(table())

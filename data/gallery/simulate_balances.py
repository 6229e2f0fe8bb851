"""Make balances.csv: five readings of one mass by each of two balances that disagree.

The truth: the mass is 1 mg below its nominal value, as balance A shows it. B shows 2 mg more.
"""

from __future__ import annotations

import random
from pathlib import Path

SEED = 20261126  # one with which the two modes hold unlike shares
READINGS = 5
SHOWN = {"A": -1.0, "B": 1.0}
SD = 0.12


def table() -> str:
    """Return the table as text."""
    rng = random.Random(SEED)
    lines = ["reading,balance,deviation"]
    for balance, shown in SHOWN.items():
        for _ in range(READINGS):
            lines.append(f"{len(lines)},{balance},{rng.gauss(shown, SD):.2f}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("balances.csv").write_text(table())

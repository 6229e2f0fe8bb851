"""Make yields.csv: a reaction's yield, measured at eight temperatures of a range.

Truth: a low peak at 68 °C and a high one at 97 °C, where the yield is 76 %; the sd of a measurement
is 1 %. Temperatures without a yield are those at which it may be measured next.
"""

from __future__ import annotations

import csv
import io
import math
import random
from pathlib import Path

SEED, NOISE = 20261125, 1.0
MEASURED = (60, 66, 74, 82, 90, 104, 112, 120)


def truth(temperature: float) -> float:
    """Return the expected yield in per cent."""
    low = 10 * math.exp(-(((temperature - 68) / 7) ** 2))
    high = 36 * math.exp(-(((temperature - 97) / 14) ** 2))
    return 40 + low + high


def table() -> str:
    """Return the CSV."""
    rng = random.Random(SEED)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["temperature", "status", "yield"])
    for temperature in range(60, 121, 2):
        if temperature in MEASURED:
            measured = f"{rng.gauss(truth(temperature), NOISE):.1f}"
            writer.writerow([temperature, "measured", measured])
        else:
            writer.writerow([temperature, "candidate", ""])
    return text.getvalue()


if __name__ == "__main__":
    Path(__file__).with_name("yields.csv").write_text(table())

"""Reads what a report shows: tables, JSON and pictures, as plain values."""

from __future__ import annotations

import base64
import csv
import json
import math
from pathlib import Path
from typing import Any


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's content."""
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def read_table(path: Path) -> list[dict[str, str]]:
    """Return a CSV's rows, column → text."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def number(text: str | None) -> float | None:
    """Return a cell as a number, None where it is empty."""
    return float(text) if text else None


def finite(value: float | None) -> float | None:
    """Return a number, None where it is none, NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None


def picture(path: Path) -> str:
    """Return a PNG as the address that an `img` shows without a file."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")

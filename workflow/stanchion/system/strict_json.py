"""JSON as results have it: no NaN, lines that diff well, the same bytes for the same content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write strict JSON; raises ValueError where a number is not finite."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def number(value: float) -> float | None:
    """Return a number as strict JSON can hold it: None where it is NaN or infinite."""
    return float(value) if isfinite(value) else None

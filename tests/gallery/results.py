"""What the tests of the gallery read from a run's results, and what they hold figures to.

Figures of draws are held to the exact ones within 4 of the Monte Carlo errors in the summary. Of
some thirty such comparisons, all with fixed seeds, one is crossed by chance once in five hundred.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.project import ROOT

DATA = ROOT / "data/gallery"
slow = pytest.mark.skipif(
    os.environ.get("STANCHION_SLOW_TESTS") != "1",
    reason="takes minutes; set STANCHION_SLOW_TESTS=1",
)
ERRORS = 4
Run = Callable[[str], Path]


def summary(fit: Path) -> pd.DataFrame:
    """Return a fit's summary by label."""
    return pd.read_csv(fit / "summary.csv", index_col="label")


def verdict(fit: Path) -> str:
    """Return the verdict of a fit."""
    return str(json.loads((fit / "diagnostics.json").read_text())["verdict"])


def answers(results: Path, analysis: str, method: str) -> pd.DataFrame:
    """Return a method's answers by name and label."""
    table = pd.read_csv(results / analysis / "answers.csv", dtype={"label": str})
    table["label"] = table["label"].fillna("")
    return table[table["method"] == method].set_index(["answer", "label"]).sort_index()


def meets(table: pd.DataFrame, mean: Any, sd: Any) -> bool:
    """Tell whether means and sds are the exact ones, within their Monte Carlo errors."""
    means = (table["mean"] - mean).abs() < ERRORS * table["mcse_mean"]
    sds = (table["sd"] - sd).abs() < ERRORS * table["mcse_sd"]
    return bool(means.all() and sds.all())

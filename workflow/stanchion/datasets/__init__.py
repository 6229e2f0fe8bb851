"""From a declared table or Stan JSON file to the values of a program's `data` block.

read → rules → frame → expressions → evaluate (→ design) → agree → stan_json, in `build`.
"""

from __future__ import annotations

from stanchion.datasets.build import (
    StanData,
    build,
    built,
    faults_of_any_rows,
    missing_switch,
)
from stanchion.datasets.grid import GridRequest
from stanchion.datasets.request import NewRows, Request

__all__ = [
    "GridRequest",
    "NewRows",
    "Request",
    "StanData",
    "build",
    "built",
    "faults_of_any_rows",
    "missing_switch",
]

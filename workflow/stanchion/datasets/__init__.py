"""From a declared table or Stan JSON file to the values of a program's `data` block.

read → rules → frame → expressions → evaluate (→ design) → agree → stan_json, in `build`.
"""

from __future__ import annotations

from stanchion.datasets.build import StanData, build, missing_switch
from stanchion.datasets.grid import GridRequest
from stanchion.datasets.request import NewRows

__all__ = ["GridRequest", "NewRows", "StanData", "build", "missing_switch"]

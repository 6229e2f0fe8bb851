"""The declaration: `config/config.yaml`, checked, frozen and with defaults."""

from __future__ import annotations

from stanchion.config.analysis import (
    Analysis,
    Compare,
    Intervals,
    Predict,
    PriorPredictive,
)
from stanchion.config.checks import Checks
from stanchion.config.column import Column
from stanchion.config.compiling import Toolchain
from stanchion.config.dataset import Dataset
from stanchion.config.model import Model
from stanchion.config.predictive import PosteriorPredictive
from stanchion.config.project import Project
from stanchion.config.reading import load
from stanchion.config.resolve import resolved_checks, resolved_compiling, resolved_method
from stanchion.config.waivers import Waiver, in_force, load_waivers

__all__ = [
    "Analysis",
    "Checks",
    "Column",
    "Compare",
    "Dataset",
    "Intervals",
    "Model",
    "PosteriorPredictive",
    "Predict",
    "PriorPredictive",
    "Project",
    "Toolchain",
    "Waiver",
    "in_force",
    "load",
    "load_waivers",
    "resolved_checks",
    "resolved_compiling",
    "resolved_method",
]

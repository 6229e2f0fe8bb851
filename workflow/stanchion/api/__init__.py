"""Results from Python: `load` gives the fits of an analysis, and refuses what nothing proves."""

from __future__ import annotations

from stanchion.api.analysis import Analysis, Fit, Verdict
from stanchion.api.loading import load
from stanchion.api.state import State
from stanchion.report.reading import Check, Scalar

__all__ = ["Analysis", "Check", "Fit", "Scalar", "State", "Verdict", "load"]

"""Why nothing is computed from a failed fit, in the words that the catalogue has for its checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stanchion.checks.catalogue import CHECKS
from stanchion.checks.verdicts import FAIL, OnFail, stops


def why_stopped(diagnostics: Mapping[str, Any], on_fail: OnFail) -> str | None:
    """Return why nothing is computed from a fit (its diagnostics.json), or None if something is."""
    return failed_because(diagnostics) if stops(diagnostics["verdict"], on_fail) else None


def failed_because(diagnostics: Mapping[str, Any]) -> str:
    """Return which checks a failed fit (its diagnostics.json) did not pass."""
    failed = [check["check"] for check in diagnostics["checks"] if check["verdict"] == FAIL]
    return f"the fit failed its checks: {', '.join(CHECKS[name].words for name in failed)}"

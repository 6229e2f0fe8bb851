"""Verdicts: their order, their words, and what one of them stops. Imports nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

OnFail = Literal["stop", "flag"]
"""What a failed fit does: stop what would be computed from it, or flag it."""
PASS, WARN, WAIVED, FAIL = "pass", "warn", "waived", "fail"
SKIPPED = "skipped"
"""The verdict of a check that could not be made for want of something outside of the fit."""


@dataclass(frozen=True)
class Verdict:
    """A verdict: its mark, and what a sentence says of so many fits that have it."""

    name: str
    mark: str
    of_fits: str


VERDICTS = (
    Verdict(FAIL, "✕", "failed"),
    Verdict(WAIVED, "◇", "failed and waived"),
    Verdict(WARN, "!", "with a warning"),
    Verdict(PASS, "✓", "passed"),
)
"""The gravest first."""
GRAVEST_FIRST = tuple(verdict.name for verdict in VERDICTS)
MARKS = {verdict.name: verdict.mark for verdict in VERDICTS} | {SKIPPED: "–"}
NO_FAULT = "k̂ found no fault"
"""What passing is called of an approximation: what k̂ does not find may be there all the same."""


def gravest(verdicts: Iterable[str]) -> str:
    """Return the gravest of some verdicts; a check that was skipped has no say."""
    return min((v for v in verdicts if v != SKIPPED), key=GRAVEST_FIRST.index, default=PASS)


def stops(verdict: str, on_fail: OnFail) -> bool:
    """Tell whether nothing may be computed from what has this verdict, and the run exits with 3."""
    return verdict == FAIL and on_fail == "stop"


def extreme_of(check: Mapping[str, Any]) -> float | None:
    """Return the worst value of a check as diagnostics.json has it, whatever the limits are."""
    value: float | None = check.get("extreme", check["value"])
    return value


def verdict_words(verdict: str, weighting: str | None) -> str:
    """Return a fit's verdict as tables say it; `weighting` is that of an approximation's draws."""
    if weighting is not None and verdict == PASS:
        return NO_FAULT
    return f"{verdict}, unweighted" if weighting == "unweighted" else verdict

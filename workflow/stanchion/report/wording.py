"""Checks and verdicts in words: what is shown of a value, its threshold, and what to try."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from stanchion.checks.advice import advice
from stanchion.checks.shares import percent
from stanchion.report.numbers import MISSING, beside, count, exact, probability, significant
from stanchion.report.reading import Check

MARKS = {"pass": "✓", "warn": "!", "fail": "✕", "waived": "◇", "skipped": "–"}
GRAVEST_FIRST = ("fail", "waived", "warn", "pass")
_NAMES = {
    "finite": "non-finite quantities",
    "generated": "share of draws without generated quantities",
    "prior_only": "effect of prior_only on the log density",
    "constant": "stuck quantities",
    "chains": "chains",
    "rhat": "R-hat",
    "ess_bulk": "bulk ESS",
    "ess_tail": "tail ESS",
    "divergences": "divergences",
    "ebfmi": "E-BFMI",
    "treedepth": "saturated trajectories",
    "extent": "largest absolute draw",
    "khat": "Pareto k̂",
    "nuts_difference": "difference from NUTS in sds",
    "loo_khat": "bad Pareto k̂ in LOO",
    "compared": "models compared",
    "outcome": "differences of outcome",
}
_AT_LEAST = {"chains", "compared", "ess_bulk", "ess_tail", "ebfmi"}
_DECIMALS = {"rhat": 3, "ebfmi": 2, "khat": 2, "nuts_difference": 2}
_CODE = re.compile(r"`(\w+)`")


@dataclass(frozen=True)
class CheckView:
    """A check as the report words it."""

    name: str
    verdict: str
    value: str
    limit: str
    where: tuple[str, ...]
    source: str
    advice: str
    now: str
    waiver: str
    messages: tuple[str, ...]
    note: str

    @property
    def sentence(self) -> str:
        """What was found against what is allowed."""
        if self.value == MISSING:
            return f"{self.name} could not be computed (allowed: {self.limit})"
        return f"{self.name} {self.value} (allowed: {self.limit})"


def check_view(check: Check, settings: Mapping[str, Any]) -> CheckView:
    """Word a check; `settings` are the method's, some of which its advice names."""
    tip = advice(check.check)
    return CheckView(
        name=_NAMES.get(check.check, check.check),
        verdict=check.verdict,
        value=shown(check.check, check.value, check.threshold),
        limit=limit(check.check, check.threshold),
        where=check.where,
        source=check.source,
        advice=tip,
        now=_now(tip, settings),
        waiver=_waiver(check.waiver),
        messages=check.messages,
        note=check.note,
    )


def by_gravity(checks: Iterable[CheckView]) -> tuple[CheckView, ...]:
    """Return the checks that did not pass, the gravest first, else in their order."""
    bad = [check for check in checks if check.verdict in GRAVEST_FIRST[:-1]]
    return tuple(sorted(bad, key=lambda check: GRAVEST_FIRST.index(check.verdict)))


def gravest(verdicts: Iterable[str]) -> str:
    """Return the gravest of some verdicts."""
    return min(verdicts, key=GRAVEST_FIRST.index, default="pass")


def shown(check: str, value: float, threshold: float) -> str:
    """Return a check's value, with digits enough to see on which side of the threshold it is."""
    if check in _DECIMALS:
        return beside(value, threshold, _DECIMALS[check])
    if check == "generated":
        return percent(value) if isfinite(value) else MISSING
    return significant(value) if check in ("extent", "prior_only") else count(value)


def limit(check: str, threshold: float) -> str:
    """Return what a check allows, such as `≤ 1.01`."""
    if check == "prior_only":
        return "above rounding error"
    number = exact(threshold)
    if number == MISSING:
        return MISSING
    if threshold == 0:
        return "none"
    return f"{'≥' if check in _AT_LEAST else '≤'} {number}"


def tail(value: float) -> str:
    """Return a tail probability with what it says of the model."""
    text = probability(value)
    if text != MISSING and not 0.025 <= value <= 0.975:
        return f"{text} (far out)"
    return text


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them: `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is not one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _now(tip: str, settings: Mapping[str, Any]) -> str:
    named = [name for name in dict.fromkeys(_CODE.findall(tip)) if settings.get(name) is not None]
    return ", ".join(f"{name} {settings[name]}" for name in named)


def _waiver(waiver: Mapping[str, str] | None) -> str:
    if waiver is None:
        return ""
    return f"Waived by {waiver['who']} until {waiver['until']}: {waiver['reason']}"

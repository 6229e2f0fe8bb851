"""Checks and verdicts in words: what is shown of a value, its threshold, and what to try."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Any

from stanchion.checks.catalogue import CHECKS
from stanchion.checks.verdicts import GRAVEST_FIRST, PASS
from stanchion.report.numbers import MISSING, beside, count, exact, probability, significant
from stanchion.report.reading import Check, Scalar
from stanchion.system.sentences import percent

_DECLARED = 8
"""Digits that a limit which a person declared has at most."""
_CODE = re.compile(r"`(\w+)`")


@dataclass(frozen=True)
class CheckView:
    """A check as the report words it."""

    name: str
    verdict: str
    value: str
    limit: str
    where: tuple[Scalar, ...]
    source: str
    advice: str
    now: str
    waiver: str
    messages: tuple[str, ...]
    note: str
    is_within: bool
    """Whether the value keeps to its limit."""

    @property
    def sentence(self) -> str:
        """What was found against what is allowed."""
        return _outcome(self.name, self.value, self.limit)

    @property
    def explanation(self) -> str:
        """The note, where a value within its limit does not say what is wrong."""
        return self.note if self.is_within else ""


def check_view(
    check: Check, settings: Mapping[str, Any], advice: Mapping[str, str] | None = None
) -> CheckView:
    """Word a check; `settings` are the method's, some of which its advice names.

    `advice` is the method's own, by check, in place of the catalogue's.
    """
    row = CHECKS[check.check]
    is_within = row.keeps(check.value, check.threshold)
    todo = (advice or {}).get(check.check, row.advice)
    if is_within and row.advice_within:
        todo = row.advice_within
    elif isnan(check.value):
        todo = row.advice_without
    return CheckView(
        name=row.words,
        verdict=check.verdict,
        value=shown(check.check, check.value, check.threshold),
        limit=limit(check.check, check.threshold),
        where=check.where,
        source=check.source,
        advice=todo,
        now=_now(todo, settings),
        waiver=_waiver(check.waiver),
        messages=check.messages,
        note=check.note,
        is_within=is_within,
    )


def outcome(check: str, value: float, threshold: float, where: str = "", note: str = "") -> str:
    """Return what a check found against what it allows, such as `R-hat 1.02 (allowed: ≤ 1.01)`.

    It is followed by where, and by the note where a value within its limit does not say why the
    check did not pass.
    """
    row = CHECKS[check]
    sentence = _outcome(row.words, shown(check, value, threshold), limit(check, threshold))
    at = f" at {where}" if where else ""
    because = f": {note}" if note and row.keeps(value, threshold) else ""
    return f"{sentence}{at}{because}"


def _outcome(name: str, value: str, allowed: str) -> str:
    if value == MISSING:
        return f"{name} could not be computed (allowed: {allowed})"
    return f"{name} {value} (allowed: {allowed})"


def by_gravity(checks: Iterable[CheckView]) -> tuple[CheckView, ...]:
    """Return the checks that did not pass, the gravest first, else in their order."""
    bad = [check for check in checks if check.verdict in GRAVEST_FIRST and check.verdict != PASS]
    return tuple(sorted(bad, key=lambda check: GRAVEST_FIRST.index(check.verdict)))


def shown(check: str, value: float, threshold: float) -> str:
    """Return a check's value, with digits enough to see on which side of the threshold it is."""
    digits = CHECKS[check].digits
    if isinstance(digits, int):
        return beside(value, threshold, digits)
    if digits == "percent":
        return percent(value) if isfinite(value) else MISSING
    return significant(value) if digits == "significant" else count(value)


def limit(check: str, threshold: float) -> str:
    """Return what a check allows, such as `≤ 1.01`: as it is declared, four digits of others."""
    is_declared = float(f"{threshold:.{_DECLARED}g}") == threshold
    row, number = CHECKS[check], exact(threshold, _DECLARED if is_declared else 4)
    if row.allows or number == MISSING:
        return row.allows or MISSING
    if threshold == 0:
        return "none"
    return f"{'≥' if row.worse == 'smaller' else '≤'} {number}"


def tail(value: float) -> str:
    """Return a tail probability with what it says of the model."""
    text = probability(value)
    if text != MISSING and not 0.025 <= value <= 0.975:
        return f"{text} (far out)"
    return text


def _now(tip: str, settings: Mapping[str, Any]) -> str:
    named = [name for name in dict.fromkeys(_CODE.findall(tip)) if settings.get(name) is not None]
    return ", ".join(f"{name} {settings[name]}" for name in named)


def _waiver(waiver: Mapping[str, str] | None) -> str:
    if waiver is None:
        return ""
    return f"Waived by {waiver['who']} until {waiver['until']}: {waiver['reason']}"

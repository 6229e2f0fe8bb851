"""Holds what the checks measure to their thresholds, and says what follows.

The gate judges every parameter, every transformed parameter and `lp__`; of generated quantities it
asks that they are numbers. What cannot be computed does not pass, whatever it is held to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor, inf, isfinite, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.checks.catalogue import CHECKS, OF_COMPARISONS, OF_FITS, OF_PRIORS, OF_SAMPLED
from stanchion.checks.numbers import ComparisonNumbers, FitNumbers, named
from stanchion.checks.row import SHOWN, Each, Row, Skipped, Threshold, Value
from stanchion.checks.scan import Findings
from stanchion.checks.verdicts import FAIL, PASS, SKIPPED, WAIVED, WARN, gravest
from stanchion.draws.naming import variable_of

Floats = NDArray[np.float64]
_WHERE_THERE_ARE = ("waiver", "messages", "note", "extreme")


@dataclass(frozen=True)
class Check:
    """One check: its value against its threshold, the verdict, and where it is worst."""

    check: str
    value: float | None
    threshold: float | None
    verdict: str
    where: tuple[str, ...] = ()
    waiver: Mapping[str, Any] | None = None
    messages: tuple[str, ...] = ()
    """What the sampler itself said of it."""
    note: str | None = None
    """What the numbers do not say, in a sentence."""
    extreme: float | None = None
    """The worst value of all, where variables have limits of their own: `value` is another then."""

    def as_json(self) -> dict[str, Any]:
        """Return the check as diagnostics.json has it, with its source."""
        content = vars(self) | {"where": list(self.where), "source": CHECKS[self.check].source}
        content["messages"] = list(self.messages)
        return {name: x for name, x in content.items() if name not in _WHERE_THERE_ARE or x}


@dataclass(frozen=True)
class Limit:
    """What a check's values are held to: a number, or a share of so many; by variable another."""

    default: float
    share: float | None = None
    by_variable: Mapping[str, float] | None = None

    @classmethod
    def of(cls, row: Row[Any], thresholds: Mapping[str, Any]) -> Limit:
        """Take it from a row, or from what is declared for its key."""
        if not isinstance(row.threshold, Threshold):
            return cls(row.threshold)
        declared = thresholds[row.threshold.key]
        if isinstance(declared, Mapping):
            return cls(nan, share=declared["share"])
        return cls(declared, by_variable=thresholds.get(f"{row.threshold.key}_of"))

    def of_total(self, total: int | None) -> float:
        """Return the one limit, of a share that of `total`."""
        return self.default if self.share is None else floor(self.share * (total or 0))

    def of_each(self, names: Sequence[str]) -> Floats:
        """Return the limit of each scalar: its variable's, else the default."""
        if not self.by_variable:
            return np.full(len(names), self.default, np.float64)
        return np.array([self.by_variable.get(variable_of(name), self.default) for name in names])


def check_fit(
    names: Collection[str], fit: FitNumbers, thresholds: Mapping[str, Any]
) -> list[Check]:
    """Return the named checks of a fit, as far as there is anything that they could be of.

    Thresholds that the declaration may set are by their key.
    """
    return _made([row for row in OF_FITS if row.name in names], fit, thresholds)


def check_prior(prior: FitNumbers, thresholds: Mapping[str, Any]) -> list[Check]:
    """Return the checks of draws from a prior; those that a fit has as well warn at most."""
    return [
        replace(check, verdict=WARN)
        if check.verdict == FAIL and check.check in OF_SAMPLED
        else check
        for check in check_fit(OF_PRIORS, prior, thresholds)
    ]


def check_comparison(models: ComparisonNumbers) -> list[Check]:
    """Return the checks of the comparison of the models of one dataset."""
    return _made(OF_COMPARISONS, models, {})


def _made(rows: Iterable[Row[Any]], numbers: Any, thresholds: Mapping[str, Any]) -> list[Check]:
    results = ((row, row.measure(numbers)) for row in rows)
    return [
        judged(row, result, Limit.of(row, thresholds))
        for row, result in results
        if result is not None
    ]


def judged(row: Row[Any], measured: Value | Each | Skipped, limit: Limit) -> Check:
    """Hold what a check measured to its limit; neither may be NaN where it is to pass."""
    if isinstance(measured, Skipped):
        return Check(row.name, None, limit.default, SKIPPED, note=measured.because)
    if isinstance(measured, Each):
        check = _worst(row, measured, limit.of_each(measured.names))
        notes = [note for note in (check.note, _own_limits(row, measured, limit)) if note]
        return replace(check, note="; ".join(notes) or None, extreme=_extreme(row, measured, limit))
    threshold = limit.of_total(measured.total) if measured.threshold is None else measured.threshold
    broken = not _within(row, measured.value, threshold)
    if measured.broken is not None and not np.isnan([measured.value, threshold]).any():
        broken = measured.broken
    return Check(
        check=row.name,
        value=measured.value if isfinite(measured.value) else None,
        threshold=threshold,
        verdict=(measured.failed or row.gravest) if broken else measured.passed,
        where=measured.where,
        messages=measured.messages,
        note=measured.note,
    )


def _extreme(row: Row[Any], measured: Each, limit: Limit) -> float | None:
    """Return the worst of the values that are judged, where their limits are not the same."""
    judged = measured.values if measured.judged is None else measured.values[measured.judged]
    finite = judged[np.isfinite(judged)]
    if not limit.by_variable or not len(finite):
        return None
    return float(finite.min() if row.worse == "smaller" else finite.max())


def _own_limits(row: Row[Any], measured: Each, limit: Limit) -> str | None:
    """Say how bad the variables are that have a limit of their own, whose verdict it decides."""
    sign = "≥" if row.worse == "smaller" else "≤"
    worst = np.fmin if row.worse == "smaller" else np.fmax
    variables = [variable_of(name) for name in measured.names]
    parts = []
    for variable, own in sorted((limit.by_variable or {}).items()):
        values = [
            value
            for name, value in zip(variables, measured.values, strict=True)
            if name == variable
        ]
        if values:
            parts.append(f"{variable} {worst.reduce(values):.4g} (allowed: {sign} {own:g})")
    return f"with a limit of its own: {', '.join(parts)}" if parts else None


def _within(row: Row[Any], values: Any, limits: Any) -> Any:
    """Tell which values keep to their limits; NaN on either side does not."""
    return values >= limits if row.worse == "smaller" else values <= limits


def _worst(row: Row[Any], measured: Each, limits: Floats) -> Check:
    """Judge the values against their limits, the one that is worst against its own first.

    What is to be judged and is NaN could not be computed, and fails; so does it that nothing can be
    judged where something is needed.
    """
    values = measured.values
    judged = np.ones(values.shape, np.bool_) if measured.judged is None else measured.judged
    if not judged.any():
        limit = float(limits[0]) if len(limits) else None
        return Check(row.name, None, limit, row.gravest if measured.needed else PASS)
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = _excess(row, values, limits)
        broken = ~_within(row, values, limits)
    excess[np.isnan(excess)] = inf
    candidates = np.flatnonzero(judged)
    worst_first = candidates[np.argsort(-excess[candidates], kind="stable")]
    failed = worst_first[broken[worst_first]]
    worst = int(worst_first[0])
    shown = failed[:SHOWN] if len(failed) else worst_first[:1]
    return Check(
        check=row.name,
        value=float(values[worst]) if isfinite(values[worst]) else None,
        threshold=float(limits[worst]),
        verdict=row.gravest if len(failed) else PASS,
        where=tuple(measured.names[index] for index in shown.tolist()),
        note=measured.note,
    )


def _excess(row: Row[Any], values: Floats, limits: Floats) -> Floats:
    """Return how bad values are, each against its own limit."""
    if row.worse == "smaller":
        return limits / values
    return (values - row.ideal) / (limits - row.ideal)


def waive(checks: Sequence[Check], waivers: Sequence[Mapping[str, Any]]) -> list[Check]:
    """Turn `fail` into `waived` where a waiver names the check; keep the waiver with it."""
    by_check = {waiver["check"]: waiver for waiver in waivers}
    return [
        replace(check, verdict=WAIVED, waiver=by_check[check.check])
        if check.verdict == FAIL and check.check in by_check
        else check
        for check in checks
    ]


def verdict(checks: Sequence[Check]) -> str:
    """Return the gravest of the checks' verdicts."""
    return gravest(check.verdict for check in checks)


def notes(names: Sequence[str], findings: Findings, *, unused: Sequence[str] = ()) -> list[str]:
    """Return what is worth knowing but judged by no check: quantities that have no distribution.

    `unused` names columns that the method fills with zeros.
    """
    resting = named(names, findings.constant & ~findings.frozen)
    constant = [name for name in resting if name not in unused]
    unfilled = named(names, findings.unfilled)
    return [
        f"{heading}: {', '.join(listed)}"
        for heading, listed in (
            ("equal to one constant in all chains", constant),
            ("NaN in every draw, as an element that the program does not fill", unfilled),
        )
        if listed
    ]

"""Two revisions → what differs. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import hypot
from typing import Any

from stanchion.versions.diff.revision import (
    AnswerKey,
    AnswerResult,
    Estimate,
    FitResult,
    Revision,
)


@dataclass(frozen=True)
class Change:
    """A key whose value differs; None where one side lacks it."""

    key: str
    old: Any
    new: Any


@dataclass(frozen=True)
class ProgramChange:
    """A model whose program differs in its canonical form, with the lines that do."""

    model: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class ValueChange:
    """A scalar whose posterior mean differs.

    `in_errors` is the difference divided by its Monte Carlo standard error, the root of the sum
    of both squared errors: about ±2 is what new draws of the same posterior would give.
    """

    variable: str
    old: Estimate
    new: Estimate
    in_errors: float | None


@dataclass(frozen=True)
class FitChange:
    """A fit whose verdict or values differ, or that one side lacks."""

    fit: str
    old_verdict: str | None
    new_verdict: str | None
    values: tuple[ValueChange, ...]
    unchanged: int


@dataclass(frozen=True)
class AnswerChange:
    """A number of an answer that differs in value, unit or verdict; None where one side lacks it.

    `in_errors` is as of a scalar.
    """

    key: AnswerKey
    old: AnswerResult | None
    new: AnswerResult | None
    in_errors: float | None


@dataclass(frozen=True)
class Changes:
    """All that differs between two revisions."""

    old: str
    new: str
    declaration: tuple[Change, ...]
    data: tuple[Change, ...]
    programs: tuple[ProgramChange, ...]
    toolchain: tuple[Change, ...]
    results: tuple[FitChange, ...]
    answers: tuple[AnswerChange, ...]


def compare(old: Revision, new: Revision) -> Changes:
    """Return what differs, every section sorted by name."""
    return Changes(
        old=old.name,
        new=new.name,
        declaration=tuple(changed(_flat(old.declaration), _flat(new.declaration))),
        data=tuple(changed(old.data, new.data)),
        programs=tuple(_programs(old.programs, new.programs)),
        toolchain=tuple(changed(_toolchain(old.fits), _toolchain(new.fits))),
        results=tuple(_results(old.fits, new.fits)),
        answers=tuple(_answers(old.answers, new.answers)),
    )


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Yield each key whose value is not the same on both sides."""
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield Change(key, old.get(key), new.get(key))


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    """Return the leaves of nested mappings by dotted key; a list is a leaf."""
    if not isinstance(value, Mapping):
        return {key: value}
    return {
        name: leaf
        for inner, content in value.items()
        for name, leaf in _flat(content, f"{key}.{inner}" if key else str(inner)).items()
    }


def _programs(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[ProgramChange]:
    for model in sorted(old.keys() | new.keys()):
        before, after = (side.get(model, "").splitlines() for side in (old, new))
        if before != after:
            lines = list(difflib.unified_diff(before, after, lineterm="", n=0))[2:]
            yield ProgramChange(model, tuple(line for line in lines if not line.startswith("@@")))


def _toolchain(fits: Mapping[str, FitResult]) -> dict[str, str]:
    """Return each version's values over all fits, joined where fits differ."""
    values_by_name: dict[str, dict[str, None]] = {}
    for fit in fits.values():
        for name, value in fit.toolchain.items():
            values_by_name.setdefault(name, {})[str(value)] = None
    return {name: ", ".join(values) for name, values in values_by_name.items()}


def _results(old: Mapping[str, FitResult], new: Mapping[str, FitResult]) -> Iterator[FitChange]:
    nothing = FitResult(None, {}, {})
    for fit in sorted(old.keys() | new.keys()):
        before, after = old.get(fit, nothing), new.get(fit, nothing)
        values = tuple(_values(before.estimates, after.estimates))
        if values or before.verdict != after.verdict:
            same = len(before.estimates.keys() & after.estimates.keys())
            both = sum(v.old.mean is not None and v.new.mean is not None for v in values)
            yield FitChange(fit, before.verdict, after.verdict, values, same - both)


def _values(old: Mapping[str, Estimate], new: Mapping[str, Estimate]) -> Iterator[ValueChange]:
    none = Estimate(None, None)
    for variable in dict.fromkeys([*old, *new]):
        before, after = old.get(variable, none), new.get(variable, none)
        if before.mean != after.mean:
            yield ValueChange(variable, before, after, _in_errors(before, after))


def _answers(
    old: Mapping[AnswerKey, AnswerResult], new: Mapping[AnswerKey, AnswerResult]
) -> Iterator[AnswerChange]:
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before != after:
            sides = [
                Estimate(None, None) if side is None else side.value for side in (before, after)
            ]
            yield AnswerChange(key, before, after, _in_errors(*sides))


def _in_errors(old: Estimate, new: Estimate) -> float | None:
    if old.mean is None or new.mean is None or old.mcse is None or new.mcse is None:
        return None
    error = hypot(old.mcse, new.mcse)
    return (new.mean - old.mean) / error if error else None

"""The answers of an analysis as lines of a terminal: a fit a line, below what was asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stanchion.checks.verdicts import FAIL, PASS
from stanchion.report.answers import Answer, Element, FitAnswer, answers_of

_MOST_FITS, _MOST = 8, 3
"""Fits, and elements of a quantity, that are shown; answers.csv has all."""


def answer_lines(content: Mapping[str, Any]) -> list[str]:
    """Return lines for the content of an answers.json; none of a fit that was not asked."""
    return [line for answer in answers_of(content) for line in _lines(answer)]


def _lines(answer: Answer) -> Iterator[str]:
    yield answer.name
    several = len({fit.dataset for fit in answer.fits}) > 1
    for fit in answer.asked[:_MOST_FITS]:
        dataset = f"{fit.dataset} · " if several else ""
        first, *others = _sentences(answer, fit)
        yield f"  {dataset}{fit.name}: {first}{_verdict(fit)}"
        yield from (f"    {sentence}" for sentence in others)
    rest = len(answer.asked) - _MOST_FITS
    if rest > 0:
        yield f"  and {rest} more in answers.csv"


def _sentences(answer: Answer, fit: FitAnswer) -> Sequence[str]:
    """Return what a fit says, or its first elements where it is of many."""
    if answer.kind in ("argmax", "decide") or len(fit.elements) < 2:
        return fit.sentences
    shown = [_element(element, answer.unit) for element in fit.elements[:_MOST]]
    rest = len(fit.elements) - _MOST
    return ["; ".join([*shown, *([f"and {rest} more in answers.csv"] if rest > 0 else [])])]


def _element(element: Element, unit: str) -> str:
    ends = f" [{', '.join(element.interval)}]" if element.interval is not None else ""
    return f"{element.name} {element.value}{f' {unit}' if unit else ''}{ends}"


def _verdict(fit: FitAnswer) -> str:
    return f" ({fit.verdict})" if fit.has_value and fit.verdict not in (PASS, FAIL, "") else ""

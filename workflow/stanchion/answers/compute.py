"""Samples → answers: one function a kind of answer.

Elements of an answer are those of its expression, or its choices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from arviz_stats.base import array_stats
from numpy.typing import NDArray

from stanchion.answers.declared import DeclaredAnswer
from stanchion.answers.kinds import KINDS
from stanchion.answers.results import Answer, Choice, Density, Rope, Row
from stanchion.answers.sample import Numbers, Values

Floats = NDArray[np.float64]
Intervals = Mapping[str, Any] | None
MOST_DENSITIES = 8
_GRID, _DIGITS, _MOST_VALUES = 100, 5, 40
_TAIL = 0.002


def answer_of(
    answer: DeclaredAnswer, values: Values, labels: Sequence[str], intervals: Intervals
) -> Answer:
    """Return what a sample says to what was asked."""
    compute: Callable[..., Answer] = globals()[KINDS[answer.kind].compute]
    return compute(answer, values, labels, intervals)


def probability(
    answer: DeclaredAnswer, values: Values, labels: Sequence[str], intervals: Intervals
) -> Answer:
    return Answer(rows=tuple(_probabilities(values, labels)))


def _probabilities(values: Values, labels: Sequence[str]) -> list[Row]:
    shares, errors = values.probabilities()
    return [
        Row(label=label, value=float(share), mcse=float(error))
        for label, share, error in zip(labels, shares, errors, strict=True)
    ]


def quantity(
    answer: DeclaredAnswer, values: Values, labels: Sequence[str], intervals: Intervals
) -> Answer:
    numbers = values.numbers(intervals)
    densities = _densities(values.pooled())
    rows = [
        replace(row, density=densities[index] if index < len(densities) else None)
        for index, row in enumerate(_rows(numbers, labels))
    ]
    return Answer(rows=tuple(rows), ropes=tuple(_ropes(answer, values, labels)))


def _rows(numbers: Numbers, labels: Sequence[str]) -> list[Row]:
    return [
        Row(
            label=label,
            value=float(numbers.mean[index]),
            mcse=float(numbers.mcse[index]),
            lower=float(numbers.lower[index]),
            upper=float(numbers.upper[index]),
            sd=float(numbers.sd[index]),
            rhat=float(numbers.rhat[index]),
        )
        for index, label in enumerate(labels)
    ]


def _ropes(answer: DeclaredAnswer, values: Values, labels: Sequence[str]) -> list[Rope]:
    if answer.rope is None:
        return []
    low, high = answer.rope
    below, _ = values.map(lambda x: (x < low).astype(np.float64)).probabilities()
    above, _ = values.map(lambda x: (x > high).astype(np.float64)).probabilities()
    within, errors = values.map(
        lambda x: ((x >= low) & (x <= high)).astype(np.float64)
    ).probabilities()
    return [
        Rope(label=label, below=float(b), within=float(w), above=float(a), mcse=float(e))
        for label, b, w, a, e in zip(labels, below, within, above, errors, strict=True)
    ]


def argmax(
    answer: DeclaredAnswer, values: Values, labels: Sequence[str], intervals: Intervals
) -> Answer:
    """Return the probability of each element to be the largest; ties share it."""
    firsts = values.map(_largest)
    rows = _probabilities(firsts, labels)
    return Answer(rows=tuple(rows), choice=_choice([row.value for row in rows], firsts, labels))


def decide(
    answer: DeclaredAnswer, values: Values, labels: Sequence[str], intervals: Intervals
) -> Answer:
    """Return expected utilities, and expected losses against knowing each draw to be the truth."""
    numbers = values.numbers(intervals)
    loss = values.map(lambda x: x.max(axis=-1, keepdims=True) - x).numbers(None).mean
    densities = _densities(values.pooled())
    rows = [
        replace(row, loss=float(loss[index]), density=(*densities, *[None] * len(labels))[index])
        for index, row in enumerate(_rows(numbers, labels))
    ]
    return Answer(rows=tuple(rows), choice=_choice([row.value for row in rows], values, labels))


def _choice(means: Sequence[float], values: Values, labels: Sequence[str]) -> Choice | None:
    """Return the element with the largest mean, and its difference to the second, by draw."""
    if len(labels) < 2:
        return None
    first, second = np.argsort(np.negative(means), kind="stable")[:2].tolist()
    ahead = values.map(lambda x: x[..., first : first + 1] - x[..., second : second + 1])
    numbers = ahead.numbers(None)
    return Choice(
        label=labels[first],
        second=labels[second],
        difference=float(numbers.mean[0]),
        mcse=float(numbers.mcse[0]),
    )


def _largest(values: Floats) -> Floats:
    """Return 1 for the largest of the last axis, and equal shares where several are."""
    is_largest = (values == values.max(axis=-1, keepdims=True)).astype(np.float64)
    shares: Floats = is_largest / is_largest.sum(axis=-1, keepdims=True)
    return shares


def _densities(draws: Floats) -> list[Density | None]:
    """Return the densities of the first elements of `draw × row`."""
    return [_density(column) for column in draws.T[:MOST_DENSITIES]]


def _density(draws: Floats) -> Density | None:
    """Return a kernel density between the outermost 0.2 %, or the shares of few whole numbers."""
    values, counts = np.unique(draws, return_counts=True)
    if len(values) < 2:
        return None
    if len(values) <= _MOST_VALUES and np.equal(np.mod(values, 1), 0).all():
        return Density(_short(values), _short(counts / len(draws)), discrete=True)
    low, high = np.quantile(draws, (_TAIL, 1 - _TAIL))
    inner = draws[(draws >= low) & (draws <= high)]
    if not np.isfinite(high - low) or np.ptp(inner) == 0:
        return None
    grid, density, *_ = array_stats.kde(inner, grid_len=_GRID)
    if not np.isfinite(density).all():
        return None
    return Density(_short(grid), _short(density), discrete=False)


def _short(numbers: Floats) -> tuple[float, ...]:
    return tuple(float(f"{number:.{_DIGITS}g}") for number in numbers.tolist())

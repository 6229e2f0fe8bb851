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
from stanchion.answers.score import score as score_of
from stanchion.stats.density import bandwidth

Floats = NDArray[np.float64]
Intervals = Mapping[str, Any] | None
MOST_DENSITIES = 8
_GRID, _DIGITS, _MOST_VALUES = 100, 5, 40
_TAIL = 0.002
_LEAST_SPREAD = 1e-12
"""Share of the largest value below which values differ by rounding only."""
_SQUARABLE = 400
"""The exponent of 2 up to which the squares of as many numbers as there are draws are finite."""


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
    numbers = _numbers(values, intervals)
    if values.is_point:
        means = zip(labels, numbers.mean, strict=True)
        return Answer(rows=tuple(Row(label=label, value=float(mean)) for label, mean in means))
    densities = _densities(values.pooled())
    rows = [
        replace(row, density=densities[index] if index < len(densities) else None)
        for index, row in enumerate(_rows(numbers, labels))
    ]
    return Answer(rows=tuple(rows), ropes=tuple(_ropes(answer, values, labels)))


def _numbers(values: Values, intervals: Intervals) -> Numbers:
    """Return the numbers of rows, by way of a power of two where their squares are not finite."""
    _, exponents = np.frexp(np.abs(values.pooled()).max(axis=0))
    exponents = np.where(np.abs(exponents) > _SQUARABLE, exponents, 0)
    if not exponents.any():
        return values.numbers(intervals)
    numbers = values.map(lambda x: np.ldexp(x, -exponents)).numbers(intervals)
    names = ("mean", "sd", "lower", "upper", "mcse")
    return replace(numbers, **{n: np.ldexp(getattr(numbers, n), exponents) for n in names})


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
    if answer.rope is None or len(values.pooled()) == 1:
        return []
    low, high = answer.rope
    below, within, above = (
        values.map(condition).probabilities()
        for condition in (
            lambda x: np.asarray(x < low, np.float64),
            lambda x: np.asarray((x >= low) & (x <= high), np.float64),
            lambda x: np.asarray(x > high, np.float64),
        )
    )
    return [
        Rope(
            label=label,
            below=float(below[0][index]),
            within=float(within[0][index]),
            above=float(above[0][index]),
            mcse=float(within[1][index]),
            mcse_below=float(below[1][index]),
            mcse_above=float(above[1][index]),
        )
        for index, label in enumerate(labels)
    ]


def argmax(
    answer: DeclaredAnswer, values: Values, labels: Sequence[str], intervals: Intervals
) -> Answer:
    """Return the probability of each element to be the largest; ties share it."""
    firsts = values.map(_largest)
    rows = _probabilities(firsts, labels)
    return Answer(rows=tuple(rows), choice=_choice(answer, rows, firsts, labels))


def decide(
    answer: DeclaredAnswer, values: Values, labels: Sequence[str], intervals: Intervals
) -> Answer:
    """Return expected utilities, and expected losses against knowing each draw to be the truth."""
    numbers = _numbers(values, intervals)
    losses = _numbers(values.map(lambda x: x.max(axis=-1, keepdims=True) - x), None)
    densities = (*_densities(values.pooled()), *[None] * len(labels))
    rows = [
        replace(
            row,
            loss=float(losses.mean[index]),
            loss_mcse=float(losses.mcse[index]),
            density=densities[index],
        )
        for index, row in enumerate(_rows(numbers, labels))
    ]
    return Answer(rows=tuple(rows), choice=_choice(answer, rows, values, labels))


def score(
    answer: DeclaredAnswer, values: Values, labels: Sequence[str], intervals: Intervals
) -> Answer:
    """Return the scores of class probabilities; elements are labelled by their part."""
    return score_of(values, labels, intervals)


def _choice(
    answer: DeclaredAnswer, rows: Sequence[Row], values: Values, labels: Sequence[str]
) -> Choice | None:
    """Return the element with the largest mean, and its difference to the second, by draw.

    The lead of one that is the largest in all draws is as sure as that probability.
    """
    if len(labels) < 2:
        return None
    first, second = np.argsort([-row.value for row in rows], kind="stable")[:2].tolist()
    ahead = values.map(lambda x: x[..., first : first + 1] - x[..., second : second + 1])
    numbers = _numbers(ahead, None)
    is_certain = answer.kind == "argmax" and numbers.sd[0] == 0
    return Choice(
        label=labels[first],
        second=labels[second],
        difference=float(numbers.mean[0]),
        mcse=rows[first].mcse if is_certain else float(numbers.mcse[0]),
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
    """Return a kernel density between the outermost 0.2 %, or the shares of few whole numbers.

    There is none of numbers whose squares are not finite, and of a single one.
    """
    values, counts = np.unique(draws, return_counts=True)
    if len(values) < 2 or abs(np.frexp(np.abs(values).max())[1]) > _SQUARABLE:
        return None
    if len(values) <= _MOST_VALUES and np.equal(np.mod(values, 1), 0).all():
        return Density(_short(values), _short(counts / len(draws)), discrete=True)
    low, high = np.quantile(draws, (_TAIL, 1 - _TAIL))
    inner = draws[(draws >= low) & (draws <= high)]
    if np.ptp(inner) <= _LEAST_SPREAD * np.abs(inner).max():
        return None
    grid, density, *_ = array_stats.kde(inner, grid_len=_GRID, bw=bandwidth(inner))
    if not np.isfinite(density).all():
        return None
    return Density(_short(grid), _short(density), discrete=False)


def _short(numbers: Floats) -> tuple[float, ...]:
    return tuple(float(f"{number:.{_DIGITS}g}") for number in numbers.tolist())

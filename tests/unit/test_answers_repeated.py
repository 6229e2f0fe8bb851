"""Monte Carlo errors of answers against what repeated runs differ by."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

from stanchion.answers.compute import answer_of
from stanchion.answers.sample import Sample
from tests.unit.test_answers import declared

Floats = NDArray[np.float64]

RUNS, CHAINS, DRAWS = 60, 4, 400
LABELS = ["a", "b", "c"]
LOWEST, HIGHEST = np.sqrt(chi2.ppf((0.0005, 0.9995), RUNS - 1) / (RUNS - 1))
"""What the sd over 60 runs is of the true one, in 99.9 % of cases: 0.71 to 1.31."""
ESTIMATED = 0.05
"""The relative bias that is left to errors of autocorrelated draws: effective sample sizes of
4 × 400 draws are estimates, on average within 10 % of the true ones."""


def runs(correlation: float) -> Iterator[Sample]:
    """Yield samples of three correlated normals, each chain a stationary AR(1)."""
    mixing = np.array([[1.0, 0.3, 0.0], [0.0, 1.0, 0.3], [0.0, 0.0, 1.0]])
    for seed in range(RUNS):
        noise = np.random.default_rng([77, seed]).normal(size=(CHAINS, DRAWS, 3))
        states = noise.copy()
        for draw in range(1, DRAWS):
            states[:, draw] = (
                correlation * states[:, draw - 1] + np.sqrt(1 - correlation**2) * noise[:, draw]
            )
        yield Sample(states @ mixing + (0.0, 0.2, 0.8), ess=float(CHAINS * DRAWS))


def answers(sample: Sample) -> dict[str, tuple[float, float]]:
    """Return value and error of every kind of answer, by name."""
    above = sample.map(lambda x: (x > 0.5).astype(float))
    (share, *_) = answer_of(declared("probability"), above, LABELS, None).rows
    quantity = answer_of(declared("quantity", rope=(-0.5, 0.5)), sample, LABELS, None)
    largest = answer_of(declared("argmax"), sample, LABELS, None)
    choices = dict.fromkeys(LABELS, "x")
    decision = answer_of(declared("decide", expressions=choices), sample, LABELS, None)
    assert largest.choice is not None and largest.choice.label == "c"
    assert decision.choice is not None and decision.choice.label == "c"
    rope = quantity.ropes[1]
    return {
        "probability": (share.value, share.mcse),
        "quantity": (quantity.rows[0].value, quantity.rows[0].mcse),
        "below the rope": (rope.below, rope.mcse_below),
        "within the rope": (rope.within, rope.mcse),
        "above the rope": (rope.above, rope.mcse_above),
        "share of the largest": (largest.rows[2].value, largest.rows[2].mcse),
        "lead of the largest": (largest.choice.difference, largest.choice.mcse),
        "expected utility": (decision.rows[1].value, decision.rows[1].mcse),
        "expected loss": (decision.rows[0].loss, decision.rows[0].loss_mcse),
        "lead of the decision": (decision.choice.difference, decision.choice.mcse),
    }


@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_runs_differ_by_their_errors(correlation: float) -> None:
    """The sd of each answer over 60 runs is its mean error, within what 60 runs can say.

    (R − 1) s² / σ² is χ² with R − 1 degrees of freedom: s / σ lies between its 0.05 % and 99.95 %
    points, in 20 comparisons. Where draws are correlated, another 5 % is left to the errors.
    """
    every = [answers(sample) for sample in runs(correlation)]
    slack = ESTIMATED if correlation else 0.0
    for name in every[0]:
        values, errors = np.array([run[name] for run in every]).T
        ratio = values.std(ddof=1) / np.sqrt(np.mean(errors**2))
        assert LOWEST * (1 - slack) < ratio < HIGHEST * (1 + slack), (name, ratio)


def test_errors_that_are_too_small_are_found() -> None:
    """Draws whose correlation is ignored differ by more than their errors say: the bounds can fail.

    At 0.8 the true error is √(1.8 / 0.2) = 3 times that of independent draws.
    """
    every = []
    for sample in runs(0.8):
        shuffled = np.random.default_rng(3).permuted(sample.values, axis=1)
        (row, *_) = answer_of(declared("quantity"), Sample(shuffled, sample.ess), LABELS, None).rows
        every.append((row.value, row.mcse))
    values, errors = np.array(every).T
    ratio = values.std(ddof=1) / np.sqrt(np.mean(errors**2))
    assert ratio > HIGHEST * (1 + ESTIMATED)

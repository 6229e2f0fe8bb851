"""Approximations that are too narrow, of which k̂ does not always speak."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stanchion.stats.importance import importance
from stanchion.stats.narrowness import narrowness

S = 4000


def ratios(share: float, columns: int = 3, seed: int = 1, noise: float = 0.5) -> tuple[Any, Any]:
    """Return log p − log q and the draws of normals whose first variances are share : 1."""
    rng = np.random.default_rng(seed)
    draws = rng.normal(size=(S, columns))
    return (1 - share) / 2 * draws[:, 0] ** 2 + noise * rng.normal(size=S), draws


@pytest.mark.parametrize("share", [1.0, 0.64, 0.25, 0.01])
@pytest.mark.parametrize("columns", [1, 5, 20, 400])
def test_it_is_the_index_of_the_tail(share: float, columns: int) -> None:
    """1 less the share of the variances, to 0.1: the standard error of 4,000 draws is 0.03."""
    assert narrowness(*ratios(share, columns)) == pytest.approx(1 - share, abs=0.1)


def test_the_scale_of_a_parameter_changes_nothing() -> None:
    """A bounded parameter's draws are those on the unconstrained scale, transformed."""
    log_ratios, draws = ratios(0.2)
    transformed = np.column_stack([np.exp(draws[:, 0]), draws[:, 1] * 1e-9, np.tanh(draws[:, 2])])
    assert narrowness(log_ratios, transformed) == pytest.approx(narrowness(log_ratios, draws))


def test_a_direction_between_correlated_parameters_is_seen() -> None:
    """A ridge that no parameter shows by itself, in draws that are correlated as well."""
    z = np.random.default_rng(2).normal(size=(S, 3))
    direction = z @ np.array([1, 1, 1]) / np.sqrt(3)
    correlated = z @ np.array([[1, 0.5, 0.2], [0, 0.8, 0.1], [0, 0, 0.9]])
    assert narrowness(0.45 * direction**2, correlated) == pytest.approx(0.9, abs=0.05)


def test_khat_is_good_by_chance_where_this_is_not() -> None:
    """Of 200 approximations with a tenth of the sd, k̂ finds no fault in some; this sees all."""
    indices, passed = [], 0
    for seed in range(200):
        log_ratios, draws = ratios(0.01, 1, seed, noise=0.0)
        indices.append(narrowness(log_ratios, draws))
        passed += importance(log_ratios, np.zeros(S)).usable
    assert passed > 0
    assert min(indices) > 0.9


def test_what_does_not_vary_has_none() -> None:
    """Draws at one point say nothing; a column that rests among others is left out."""
    log_ratios, draws = ratios(0.2)
    assert np.isnan(narrowness(log_ratios, np.ones((S, 2))))
    with_constant = np.column_stack([draws, np.ones(S)])
    assert narrowness(log_ratios, with_constant) == pytest.approx(narrowness(log_ratios, draws))

"""Nested R-hat: its definition, what it sees, and what ArviZ would give a number that has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy.stats import norm, rankdata

from stanchion.stats.nested import nested_rhat


def normal(chains: int = 16, draws: int = 100, columns: int = 1, seed: int = 1) -> Any:
    """Return independent standard normal draws, `chain × draw × column`."""
    return np.random.default_rng(seed).normal(size=(chains, draws, columns))


def by_definition(draws: Any, superchains: int) -> float:
    """Equations 6 to 8 of the paper, of the halves of each chain, rank-normalised, and folded."""
    half = draws.shape[1] // 2
    halves = np.stack([draws[:, :half], draws[:, half:]], axis=1)  # chain × half × draw

    def rhat(values: Any) -> float:
        scores = norm.ppf((rankdata(values).reshape(values.shape) - 3 / 8) / (values.size + 1 / 4))
        groups = scores.reshape(superchains, -1, half)  # superchain × half chain × draw
        means = groups.mean(2)
        between = means.mean(1).var(ddof=1)
        within = (means.var(axis=1, ddof=1) + groups.var(axis=2, ddof=1).mean(1)).mean()
        return float(np.sqrt(1 + between / within))

    return max(rhat(halves), rhat(np.abs(halves - np.median(halves))))


@pytest.mark.parametrize("superchains", [2, 4, 8])
def test_it_is_that_of_the_paper(superchains: int) -> None:
    """The number is the paper's, of halves of chains that are ranked and folded as for R-hat."""
    draws = normal() + np.repeat(np.arange(4) / 4, 4)[:, None, None]
    expected = by_definition(draws[:, :, 0], superchains)
    assert nested_rhat(draws, superchains) == pytest.approx(expected, rel=1e-12)


def test_short_chains_that_agree_are_no_fault() -> None:
    """Chains of 20 correlated draws have an R-hat of 1.2, though all of them are stationary."""
    draws = normal(chains=512, draws=20)
    for index in range(1, 20):
        draws[:, index] = 0.8 * draws[:, index - 1] + 0.6 * draws[:, index]
    assert array_stats.rhat(draws[:, :, 0]) > 1.2
    assert nested_rhat(draws, 4)[0] < 1.01


def test_superchains_apart_are_seen() -> None:
    """Groups whose centres lie half a standard deviation apart are far above the limit."""
    draws = normal(chains=64) + np.repeat([0, 0.5, 0, 0.5], 16)[:, None, None]
    assert nested_rhat(draws, 4)[0] > 1.02


def test_a_spread_of_its_own_is_seen() -> None:
    """A superchain that is as wide again as the others has the same mean, and is seen folded."""
    draws = normal(chains=64)
    draws[:16] *= 2
    assert nested_rhat(draws, 4)[0] > 1.02


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_draw_that_is_not_a_number_leaves_none(value: float) -> None:
    """ArviZ ranks ±inf as any number and finds all well; ours is NaN, which passes nothing."""
    draws = normal(columns=2)
    draws[3, 7, 0] = value
    result = nested_rhat(draws, 4)
    assert np.isnan(result[0]) and np.isfinite(result[1])


def test_a_chain_that_rests_leaves_none() -> None:
    """ArviZ lets the chains that move speak for one that rests; ours is NaN."""
    draws = normal(chains=64, columns=2)
    draws[0, :, 0] = draws[0, 0, 0]
    groups = np.repeat(np.arange(4), 16)
    assert array_stats.rhat_nested(draws[:, :, 0], superchain_ids=groups) < 1.01
    result = nested_rhat(draws, 4)
    assert np.isnan(result[0]) and np.isfinite(result[1])


def test_a_tiny_unit_changes_nothing() -> None:
    """The number does not hang on the unit, however small."""
    draws = normal()
    np.testing.assert_allclose(nested_rhat(draws * 1e-250, 4), nested_rhat(draws, 4), rtol=1e-12)


@pytest.mark.parametrize(("chains", "draws", "superchains"), [(16, 3, 4), (16, 9, 1), (15, 9, 4)])
def test_too_little_has_none(chains: int, draws: int, superchains: int) -> None:
    """Three draws, one superchain, or superchains of unequal size have no nested R-hat."""
    assert np.isnan(nested_rhat(normal(chains, draws), superchains)).all()

"""LOO-PIT and the test of its uniformity, against exact posteriors."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from benchmarks.loo_pit import Model, bernoulli, departs, normal, poisson, uniform_departs

from stanchion.stats.loo_pit import loo_pit, pit_of
from stanchion.stats.psis import Smoothed
from stanchion.stats.uniformity import uniformity

_SHARE_ALLOWED = 0.075


def equal_weights(draws: int, observations: int) -> list[Smoothed]:
    """Return weights that leave nothing out."""
    return [Smoothed(np.full(draws, -np.log(draws)), 0.1)] * observations


def test_a_weighted_pit_by_hand() -> None:
    """The weights below the observation add up, and a part of those at it: 0.7 to 0.9 of 1."""
    draws = np.repeat([[1.0], [2.0], [0.0], [1.5]], 1000, axis=0)
    weights = np.repeat(np.log(np.array([0.5, 0.1, 0.2, 0.2]) / 1000), 1000)
    values = [
        loo_pit(np.array([1.5]), draws, [Smoothed(weights, 0.1)], discrete=True, seed=seed)[0]
        for seed in range(50)
    ]
    assert 0.69 < min(values) < 0.72
    assert 0.88 < max(values) < 0.91


@pytest.mark.parametrize("model", [normal, bernoulli, poisson])
@pytest.mark.parametrize(("size", "datasets"), [(10, 150), (40, 60)])
def test_calibrated_data_seldom_depart_from_uniformity(
    model: Model, size: int, datasets: int
) -> None:
    """At most 7.5 % of data sets, and three binomial standard errors of as many as are tried."""
    share = np.mean([departs(model, size, 1.0, seed) for seed in range(datasets)])
    assert share <= _SHARE_ALLOWED + 3 * sqrt(_SHARE_ALLOWED * (1 - _SHARE_ALLOWED) / datasets)


@pytest.mark.parametrize("size", [10, 40, 200])
def test_independent_uniforms_depart_as_often_as_the_test_says(size: int) -> None:
    """Of 2,000 samples 3.5 to 7.5 %, within three binomial standard errors."""
    share = np.mean([uniform_departs(size, seed) for seed in range(2000)])
    error = 3 * sqrt(0.055 * 0.945 / 2000)
    assert 0.035 - error < share < 0.075 + error


@pytest.mark.parametrize("model", [normal, poisson])
@pytest.mark.parametrize("sigma", [2.0, 0.5])
def test_a_wrong_spread_is_seen(model: Model, sigma: float) -> None:
    """With 40 observations, in 8 of 10 data sets; of 30, three standard errors allow 58 %."""
    share = np.mean([departs(model, 40, sigma, seed) for seed in range(30)])
    assert share > 0.8 - 3 * sqrt(0.8 * 0.2 / 30)


def test_the_seed_decides_between_ties_and_nothing_else() -> None:
    """The same seed gives the same values; another gives others where data are discrete."""
    rng = np.random.default_rng(1)
    for model, same in ((normal, True), (bernoulli, False)):
        sampled = model(20, 1.0, rng)
        first, again, other = (sampled.pit(seed).test.values for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert np.array_equal(first, other) is same


def test_observations_beyond_all_draws_are_rare_not_impossible() -> None:
    """Two of 2,000 calibrated counts lie beyond 1,000 draws: that is no departure by itself."""
    rng = np.random.default_rng(2)
    observed = rng.poisson(30, size=2000).astype(float)
    replicated = rng.poisson(30, size=(1000, 2000)).astype(float)
    assert ((replicated < observed).all(axis=0) | (replicated > observed).all(axis=0)).any()
    pit = pit_of(observed, replicated, equal_weights(1000, 2000), discrete=True, seed=3)
    assert 0 < pit.test.values[0] < pit.test.values[-1] < 1
    assert pit.test.uniform


def test_continuous_data_with_a_point_mass_count_as_discrete() -> None:
    """Where replications equal the observation its value is drawn: 500 zeros do not pile up."""
    rng = np.random.default_rng(4)
    observed, replicated = (
        np.maximum(rng.normal(-0.5, 1, size=size), 0) for size in ((500,), (400, 500))
    )
    weights = equal_weights(400, 500)
    assert pit_of(observed, replicated, weights, discrete=False, seed=5).test.uniform


def test_khat_that_is_not_a_number_is_bad() -> None:
    """An observation far off every draw: its weights have no tail that could be fitted."""
    sampled = normal(10, 1.0, np.random.default_rng(6))
    sampled.observed[0] = 1e4
    far = np.array(sampled.log_likelihood)
    mu = np.random.default_rng(7).normal(1, 0.3, size=far.shape[:2])
    far[:, :, 0] = -0.5 * (1e4 - mu) ** 2
    pit = type(sampled)(sampled.observed, far, sampled.replicated, False).pit(1)
    assert np.isnan(pit.khat[0])
    assert pit.bad.tolist() == [True] + [False] * 9
    assert not pit.test.uniform


def test_what_a_departure_is_due_to_is_marked() -> None:
    """Values heaped in the middle, and none where nothing departs."""
    heaped = uniformity(np.linspace(0.4, 0.6, 50))
    assert not heaped.uniform
    assert heaped.suspicious.any()
    assert not uniformity(np.linspace(0.01, 0.99, 50)).suspicious.any()

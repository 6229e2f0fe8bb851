"""Statistics with tail probabilities, LOO-PIT, and the test of its uniformity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stanchion.stats.predictive import STATISTICS, loo_pit, statistic
from stanchion.stats.psis import loo_log_weights
from stanchion.stats.uniformity import uniformity
from tests.unit.test_stats_psis import normal_posterior


def test_a_tail_probability_by_hand() -> None:
    """Of four replications one is above the data's maximum and two are equal: (1 + 2 / 2) / 4."""
    replicated = np.array([[0, 5], [1, 3], [3, 0], [1, 1]], dtype=float)
    found = statistic("max", np.array([3.0, 2.0]), replicated)
    assert found.observed == 3
    assert found.replicated.tolist() == [5, 3, 3, 1]
    assert found.tail_probability == 0.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mean", 2.2), ("sd", np.sqrt(24.8 / 4)), ("median", 2), ("mad", 2), ("min", 0), ("max", 6),
        ("q5", 0), ("q25", 0), ("q75", 3), ("q95", 5.4), ("zeros", 0.4),
        ("skewness", (34.08 / 5) / (24.8 / 5) ** 1.5),
    ],
)  # fmt: skip
def test_each_statistic_by_hand(name: str, value: float) -> None:
    """Of the data 0, 0, 2, 3, 6."""
    data = np.array([0.0, 0.0, 2.0, 3.0, 6.0])
    assert STATISTICS[name](data) == pytest.approx(value)
    np.testing.assert_allclose(STATISTICS[name](np.stack([data, data + 1]))[0], value)


def test_the_statistics_are_those_that_a_declaration_may_name() -> None:
    """Neither more nor fewer."""
    from typing import get_args

    from stanchion.config.analysis import Statistic

    assert set(get_args(Statistic)) == set(STATISTICS)


def test_a_statistic_that_does_not_exist_for_a_draw_is_left_out() -> None:
    """A replication that is constant has no skewness."""
    found = statistic("skewness", np.array([0.0, 0, 1]), np.array([[1.0, 1, 1], [0, 0, 1]]))
    assert len(found.replicated) == 1


def test_a_weighted_pit_by_hand() -> None:
    """The weights of the replications below the observation add up."""
    weights = np.log([[0.5, 0.3, 0.2]])
    assert loo_pit(np.array([1.5]), np.array([[1.0], [2.0], [0.0]]), weights)[0] == pytest.approx(
        0.7
    )


def pit_of(observed: Any, replicate: Any) -> Any:
    """Return LOO-PIT of data under y ~ Normal(mu, 1), replicated by some other rule."""
    likelihood = normal_posterior(observed, 10.0, seed=2)
    weights = loo_log_weights(likelihood)
    return loo_pit(observed, replicate(len(observed)), weights)


def test_loo_pit_of_the_right_model_is_uniform() -> None:
    """Data and replications from the same distribution stay within the band."""
    rng = np.random.default_rng(1)
    y = rng.normal(1, 1, size=200)
    right = uniformity(pit_of(y, lambda n: rng.normal(y.mean(), 1, size=(4000, n))))
    assert right.inside
    assert right.p > 0.05


@pytest.mark.parametrize(("centre", "spread"), [(2.0, 1.0), (1.0, 3.0), (1.0, 0.4)])
def test_loo_pit_of_a_wrong_model_is_not(centre: float, spread: float) -> None:
    """Replications that are shifted, too wide or too narrow leave the band."""
    rng = np.random.default_rng(3)
    y = rng.normal(1, 1, size=200)
    wrong = uniformity(pit_of(y, lambda n: rng.normal(centre, spread, size=(4000, n))))
    assert not wrong.inside
    assert wrong.p < 0.01


def test_discrete_data_have_a_uniform_pit_too_and_the_same_each_time() -> None:
    """Of 100 data sets 95 % stay inside; three standard errors allow 88 %."""
    rng = np.random.default_rng(4)
    weights = np.full((100, 400), -np.log(400))
    inside = []
    for _ in range(100):
        y, replicated = rng.poisson(1, size=100), rng.poisson(1, size=(400, 100))
        first = loo_pit(y, replicated, weights)
        np.testing.assert_array_equal(first, loo_pit(y, replicated, weights))
        inside.append(uniformity(first).inside)
    assert np.mean(inside) > 0.88


@pytest.mark.parametrize("size", [8, 100, 434])
def test_the_band_holds_uniform_samples_as_often_as_it_says(size: int) -> None:
    """Of 400 uniform samples 95 % stay inside; the tolerance is three standard errors, 3.3 %.

    Counts are discrete, so a band of few observations holds somewhat more.
    """
    rng = np.random.default_rng(5)
    inside = np.mean([uniformity(rng.uniform(size=size)).inside for _ in range(400)])
    assert 0.95 - 0.033 < inside < 0.95 + (0.05 if size < 10 else 0.033)


def test_the_kolmogorov_distance_by_hand() -> None:
    """The ECDF of 0.1, 0.2 and 0.9 is farthest from the diagonal at 0.2, by 2/3 − 0.2."""
    assert uniformity(np.array([0.9, 0.1, 0.2])).ks == pytest.approx(2 / 3 - 0.2)
    assert uniformity(np.array([0.5])).ks == pytest.approx(0.5)

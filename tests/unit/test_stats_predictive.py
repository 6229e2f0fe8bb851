"""Statistics of replicated data, with tail probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from stanchion.stats.predictive import STATISTICS, statistic


def test_a_tail_probability_by_hand() -> None:
    """Of four replications one is above the data's maximum and two are equal: (1 + 2 / 2) / 4."""
    replicated = np.array([[0, 5], [1, 3], [3, 0], [1, 1]], dtype=float)
    result = statistic("max", np.array([3.0, 2.0]), replicated)
    assert result.observed == 3
    assert result.replicated.tolist() == [5, 3, 3, 1]
    assert result.tail_probability == 0.5


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
    from stanchion.config.predictive import STATISTIC_NAMES

    assert set(STATISTIC_NAMES) == set(STATISTICS)


def test_a_statistic_that_does_not_exist_for_a_draw_has_no_tail_probability() -> None:
    """A replication that is constant has no skewness, and the other ones are a selection."""
    result = statistic("skewness", np.array([0.0, 0, 1]), np.array([[1.0, 1, 1], [0, 0, 1]]))
    assert (len(result.replicated), result.undefined) == (1, 1)
    assert np.isnan(result.tail_probability)

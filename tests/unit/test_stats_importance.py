"""Importance resampling of an approximation's draws, against posteriors that are known."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest

from stanchion.stats.importance import Importance, importance, resample, weighted_errors
from stanchion.stats.thresholds import khat_threshold

RHO = 0.4


def mean_field(size: int, seed: int, rho: float = RHO, shift: float = 0.0) -> tuple[Any, ...]:
    """Draw from the best independent normals for two standard normals with correlation `rho`.

    The minimum of the reverse Kullback-Leibler divergence has the variances 1 − ρ² (Bishop 2006,
    section 10.1.2). Returns `draw × 2`, and their log densities under both.
    """
    precision = np.linalg.inv(np.array([[1, rho], [rho, 1]]))
    variance = 1 - rho**2
    standard = np.random.default_rng(seed).normal(size=(size, 2))
    draws = standard * sqrt(variance) + shift
    log_p = -0.5 * np.einsum("si,ij,sj->s", draws, precision, draws)
    return draws, log_p, -0.5 * np.square(standard).sum(1)


def resampled(size: int, seed: int, **of: float) -> tuple[Any, dict[str, Any], Importance]:
    """Return resampled draws of the posterior, their Monte Carlo errors and the weights."""
    draws, log_p, log_q = mean_field(size, seed, **of)
    weighting = importance(log_p, log_q)
    assert weighting.usable
    errors = weighted_errors(draws[None], [0, 1], weighting.weights)
    return draws[resample(weighting.weights, seed)], errors, weighting


def test_resampled_draws_have_the_posterior_s_mean_sd_and_correlation() -> None:
    """Mean-field draws are too narrow and uncorrelated; resampled, they are the posterior's.

    The raw sd is √(1 − 0.4²) = 0.917, 12 of its standard errors of 1/√(2 · 10,000) below 1.
    Resampled means lie within 4 of their errors of 0, sds within 4 of 1; the correlation's error
    is about 1/√ESS = 0.011, and within 4 of these it is 0.4.
    """
    raw, _, _ = mean_field(10_000, seed=1)
    assert (np.abs(raw.std(0) - 0.917) < 4 * 0.917 / sqrt(20_000)).all()
    assert abs(np.corrcoef(raw.T)[0, 1]) < 0.04
    draws, errors, weighting = resampled(10_000, seed=1)
    assert (np.abs(draws.mean(0)) < 4 * errors["mcse_mean"]).all()
    assert (np.abs(draws.std(0, ddof=1) - 1) < 4 * errors["mcse_sd"]).all()
    assert (errors["mcse_sd"] < 0.083 / 4).all()  # or the raw draws' sd would pass as well
    assert np.corrcoef(draws.T)[0, 1] == pytest.approx(RHO, abs=4 / sqrt(weighting.ess))


def test_a_shifted_approximation_is_moved_back() -> None:
    """Draws 0.4 sd off with a good k̂: the resampled have a mean of 0 within 4 errors."""
    raw, _, _ = mean_field(4000, seed=2, rho=0.1, shift=0.4)
    draws, errors, weighting = resampled(4000, seed=2, rho=0.1, shift=0.4)
    assert weighting.khat < 0.4
    assert (raw.mean(0) > 0.35).all()
    assert (np.abs(draws.mean(0)) < 4 * errors["mcse_mean"]).all()
    assert (errors["mcse_mean"] < 0.05).all()


def test_monte_carlo_errors_are_as_large_as_the_errors() -> None:
    """Over 300 samples with k̂ about 0.3, mean and sd stray from the truth as their errors say.

    The root mean square of 600 standardised errors is 1 ± 0.03 where they are independent; the two
    columns are all but so, and 0.15 allows for the bias of order 1/S that the sd has.
    """
    strays = []
    for seed in range(300):
        draws, errors, _ = resampled(1000, seed, rho=0.2)
        off = draws.mean(0) / errors["mcse_mean"], (draws.std(0, ddof=1) - 1) / errors["mcse_sd"]
        strays.append(off)
    assert np.sqrt(np.square(strays).mean((0, 2))) == pytest.approx(1, abs=0.15)


def test_a_draw_is_taken_as_often_as_its_weight_says() -> None:
    """⌊S w⌋ or ⌈S w⌉ times, in the order of the draws, never with weight 0, the same each time."""
    rng = np.random.default_rng(3)
    weights = np.where(rng.uniform(size=1000) < 0.2, 0.0, rng.exponential(size=1000) ** 3)
    weights /= weights.sum()
    for seed in range(50):
        indices = resample(weights, seed)
        counts = np.bincount(indices, minlength=1000)
        assert (np.abs(counts - 1000 * weights) < 1).all()
        assert (counts[weights == 0] == 0).all()
        assert (np.diff(indices) >= 0).all() and len(indices) == 1000
        np.testing.assert_array_equal(indices, resample(weights, seed))


def test_one_draw_may_carry_all_the_weight() -> None:
    """Then it is all there is; even weights give each draw once."""
    weights = np.zeros(100)
    weights[99] = 1.0
    assert (resample(weights, 1) == 99).all()
    np.testing.assert_array_equal(resample(np.full(100, 0.01), 1), np.arange(100))


def test_the_weights_are_arviz_s() -> None:
    """ArviZ's psislw negates what it takes: given log_q − log_p, weights and k̂ agree to 1e-9.

    Draws half as wide again as a normal posterior have bounded ratios, so k̂ is small; the inverse
    ratios have no mean under these draws, and a k̂ above 0.7.
    """
    from arviz_stats.base import array_stats

    standard = np.random.default_rng(4).normal(size=2000)
    log_p, log_q = -0.5 * np.square(1.5 * standard), -0.5 * np.square(standard)
    theirs, khat = array_stats.psislw(log_q - log_p, axis=0)
    weighting = importance(log_p, log_q)
    assert weighting.khat == pytest.approx(float(khat), rel=1e-9)
    np.testing.assert_allclose(weighting.log_weights, theirs, rtol=1e-9)
    assert weighting.khat < 0.3 and float(array_stats.psislw(log_p - log_q, axis=0)[1]) > 0.7


def test_errors_of_even_weights_are_those_of_independent_draws() -> None:
    """sd/√S of the mean, an ESS of S, and half of the variance's error over the sd."""
    draws = np.random.default_rng(5).normal(3, 2, size=(1, 4000, 1))
    errors = weighted_errors(draws, [0], np.full(4000, 1 / 4000))
    assert errors["mcse_mean"] == pytest.approx(draws.std() / sqrt(4000))
    assert errors["mcse_sd"] == pytest.approx(2 / sqrt(8000), rel=0.1)
    assert (errors["ess_bulk"], errors["ess_tail"]) == pytest.approx((4000, 4000))
    assert np.isnan(errors["rhat"]).all()


def test_errors_by_hand() -> None:
    """Four draws with weights 1/2, 1/4, 1/4, 0, where resampling leaves nothing to chance.

    m = 2, v = 1.5; Σw²(x − m)² = 1/4 + 0 + 4/16 = 0.5 and Σw²((x − m)² − v)² =
    0.25/4 + 2.25/16 + 6.25/16 = 0.59375.
    """
    draws = np.array([[1.0], [2.0], [4.0], [9.0]])[None]
    errors = weighted_errors(draws, [0], np.array([0.5, 0.25, 0.25, 0.0]))
    assert errors["mcse_mean"] == pytest.approx(sqrt(0.5))
    assert errors["mcse_sd"] == pytest.approx(sqrt(0.59375 / 1.5) / 2)
    assert errors["ess_bulk"] == pytest.approx(1 / 0.375)


def test_a_constant_has_no_error() -> None:
    """Neither has a column that holds NaN."""
    draws = np.random.default_rng(6).normal(size=(1, 100, 3))
    draws[0, :, 1] = 4.0
    draws[0, 7, 2] = np.nan
    errors = weighted_errors(draws, [0, 1, 2], np.full(100, 0.01))
    for name, values in errors.items():
        assert np.isnan(values).tolist() == [name == "rhat", True, True]


def test_like_densities_need_no_weights_and_a_point_has_none() -> None:
    """A constant between log p and log q is no news; where q does not vary, nothing is known."""
    log_q = -0.5 * np.random.default_rng(3).normal(size=1000) ** 2
    estimate = importance(log_q - 12.5, log_q)
    assert (estimate.khat, estimate.usable) == (0.0, True)
    np.testing.assert_allclose(estimate.weights, 1e-3, rtol=1e-12)
    point = np.full(1000, -3.0)
    assert not importance(point, point).usable
    almost = importance(log_q + 1e-6 * np.arange(1000), log_q)
    assert almost.khat != 0


def test_ratios_that_are_no_numbers_license_nothing() -> None:
    """NaN or +∞ in one ratio, −∞ in all, too few draws: k̂ is NaN or infinite."""
    log_p, log_q = mean_field(1000, seed=7)[1:]
    for bad in (np.nan, np.inf):
        log_p[3] = bad
        assert not importance(log_p, log_q).usable
    assert not importance(np.full(1000, -np.inf), log_q).usable
    assert not importance(np.full(1000, np.inf), np.full(1000, np.inf)).usable
    assert not importance(*mean_field(24, seed=7)[1:]).usable
    assert khat_threshold(1) == -np.inf


def test_a_draw_outside_of_the_support_weighs_nothing() -> None:
    """log_p of −∞ is a ratio of 0; the other draws are judged without it."""
    log_p, log_q = mean_field(1000, seed=8)[1:]
    log_p[[3, 500]] = -np.inf
    weighting = importance(log_p, log_q)
    assert weighting.usable and (weighting.weights[[3, 500]] == 0).all()
    assert not np.isin([3, 500], resample(weighting.weights, 1)).any()

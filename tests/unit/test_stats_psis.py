"""Pareto smoothing, leave-one-out cross-validation and stacking, against known answers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from stanchion.stats.comparison import compare, stacking_weights
from stanchion.stats.psis import Loo, fit_pareto, khat_threshold, loo, smooth


def pareto_ratios(shape: float, size: int, seed: int) -> Any:
    """Return logarithms of ratios from a generalised Pareto distribution with this shape."""
    uniform = np.random.default_rng(seed).uniform(size=size)
    return np.log((uniform**-shape - 1) / shape)


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.7, 1.0])
def test_khat_finds_the_shape_of_a_pareto(shape: float) -> None:
    """On average over 20 samples of 10,000 ratios, k̂ comes within 0.1 of the true shape."""
    found = [smooth(pareto_ratios(shape, 10_000, seed)).khat for seed in range(20)]
    assert np.mean(found) == pytest.approx(shape, abs=0.1)


def test_the_other_sign_of_the_ratios_gives_another_khat() -> None:
    """Heavy right tails are heavy only one way round: log_p − log_g is not log_g − log_p."""
    ratios = pareto_ratios(0.8, 10_000, 1)
    assert smooth(ratios).khat > 0.6
    assert smooth(-ratios).khat > 0.9  # ratios near 0 have an unbounded inverse: shape 1


def test_smoothed_weights_sum_to_one_and_end_at_the_largest() -> None:
    """A larger ratio has no smaller weight, and none outgrows the largest raw ratio."""
    ratios = pareto_ratios(0.5, 2000, 2)
    weights = smooth(ratios).log_weights
    assert np.exp(weights).sum() == pytest.approx(1)
    assert (np.diff(weights[np.argsort(ratios)]) >= 0).all()
    assert np.ptp(weights) <= np.ptp(ratios)


def test_equal_ratios_stay_equal() -> None:
    """Without a tail there is nothing to smooth, and no k̂."""
    found = smooth(np.zeros(1000))
    assert np.isnan(found.khat)
    np.testing.assert_allclose(found.log_weights, -np.log(1000))


def test_a_ratio_without_limit_makes_khat_infinite() -> None:
    """An infinite or undefined ratio is the worst tail there is."""
    for bad in (np.inf, np.nan):
        assert smooth(np.append(np.zeros(1000), bad)).khat == np.inf


def test_arviz_smooths_in_the_same_way() -> None:
    """ArviZ's psislw takes the negative; weights and k̂ agree to 1e-9."""
    from arviz_stats.base import array_stats

    ratios = pareto_ratios(0.6, 4000, 3)
    for share in (1.0, 0.3, 0.02):
        weights, khat = array_stats.psislw(-ratios, r_eff=share, axis=0)
        found = smooth(ratios, share)
        assert found.khat == pytest.approx(float(khat), rel=1e-9)
        np.testing.assert_allclose(found.log_weights, weights, rtol=1e-9)


def test_the_pareto_fit_finds_shape_and_scale() -> None:
    """Of 2,000 excesses with shape 0.4 and scale 3, both come within 15 %."""
    uniform = np.random.default_rng(4).uniform(size=2000)
    shape, scale = fit_pareto(np.sort(3 * (uniform**-0.4 - 1) / 0.4))
    assert (shape, scale) == pytest.approx((0.4, 3), rel=0.15)


def normal_posterior(y: Any, prior_sd: float, seed: int, draws: int = 4000) -> Any:
    """Return log_lik of y ~ Normal(mu, 1), mu ~ Normal(0, prior_sd), by draws of the posterior."""
    precision = len(y) + prior_sd**-2
    rng = np.random.default_rng(seed)
    mu = rng.normal(y.sum() / precision, precision**-0.5, size=(4, draws // 4, 1))
    return -0.5 * np.log(2 * np.pi) - 0.5 * (y - mu) ** 2


def exact_loo(y: Any, prior_sd: float) -> Any:
    """Return the exact leave-one-out log densities of the same model."""
    precision = len(y) - 1 + prior_sd**-2
    mean, variance = (y.sum() - y) / precision, 1 + 1 / precision
    return -0.5 * np.log(2 * np.pi * variance) - 0.5 * (y - mean) ** 2 / variance


def test_loo_of_a_conjugate_model_is_exact() -> None:
    """PSIS-LOO comes within 0.02 of each observation's exact log density, 0.1 in sum."""
    y = np.random.default_rng(5).normal(1, 1, size=40)
    found = loo(normal_posterior(y, 10.0, seed=6))
    np.testing.assert_allclose(found.elpd, exact_loo(y, 10.0), atol=0.02)
    assert found.elpd.sum() == pytest.approx(exact_loo(y, 10.0).sum(), abs=0.1)
    variance = 1 + 1 / (40 + 0.01)
    inside = -0.5 * np.log(2 * np.pi * variance)
    inside = inside - 0.5 * (y - y.sum() / (40 + 0.01)) ** 2 / variance
    assert found.p.sum() == pytest.approx((inside - exact_loo(y, 10.0)).sum(), rel=0.1)
    assert (found.khat < 0.5).all()
    assert found.se == pytest.approx(np.sqrt(40) * exact_loo(y, 10.0).std(ddof=1), rel=0.02)


def test_loo_agrees_with_arviz() -> None:
    """With the same relative ESS, ArviZ's loo gives the same numbers to 1e-9."""
    from arviz_stats.base import array_stats

    from stanchion.stats.convergence import relative_ess

    y = np.random.default_rng(7).normal(size=6)
    likelihood = normal_posterior(y, 1.0, seed=8)
    found = loo(likelihood)
    shares = relative_ess(np.exp(np.moveaxis(likelihood, 2, 0)))
    for place, share in enumerate(shares):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            elpd, khat, p = array_stats.loo(
                likelihood[:, :, place], chain_axis=0, draw_axis=1, r_eff=share
            )
        got = found.elpd[place], found.khat[place], found.p[place]
        assert got == pytest.approx((float(elpd), float(khat), float(p)), rel=1e-9)


def test_the_threshold_of_khat_grows_with_the_draws() -> None:
    """min(1 − 1 / log10 S, 0.7): 0.5 for 100 draws, 0.7 from about 2,200."""
    assert khat_threshold(100) == pytest.approx(0.5)
    assert khat_threshold(1000) == pytest.approx(2 / 3)
    assert khat_threshold(4000) == 0.7


def test_identical_models_share_their_weight() -> None:
    """Nothing tells them apart, so neither is preferred."""
    elpd = np.random.default_rng(9).normal(size=(50, 1))
    np.testing.assert_array_equal(stacking_weights(np.repeat(elpd, 2, axis=1)), [0.5, 0.5])


def test_a_model_that_is_worse_everywhere_gets_no_weight() -> None:
    """The better one gets all of it, to 1e-6."""
    elpd = np.random.default_rng(10).normal(size=(50, 1)) - np.array([[0.0, 0.5]])
    np.testing.assert_allclose(stacking_weights(elpd), [1, 0], atol=1e-6)


def test_stacking_finds_the_mixture_s_proportion() -> None:
    """Two models, each right for its share of the observations: the optimum is known.

    Densities are (a, b) for 70 observations and (b, a) for 30, with a = 0.9 and b = 0.1; the weight
    w solves 70 (a − b) / (wa + (1−w)b) = 30 (a − b) / (wb + (1−w)a), so w = 0.75.
    """
    elpd = np.log([[0.9, 0.1]] * 70 + [[0.1, 0.9]] * 30)
    np.testing.assert_allclose(stacking_weights(elpd), [0.75, 0.25], atol=1e-4)


def test_a_comparison_is_against_the_best() -> None:
    """The best has difference 0; the other's error is that of the pointwise differences."""
    khat = np.array([0.1, 0.9, np.nan])
    good = Loo(np.array([-1.0, -2.0, -3.0]), np.array([0.1, 0.1, 0.1]), khat)
    poor = Loo(np.array([-2.0, -2.0, -5.0]), np.array([0.2, 0.1, 0.1]), khat)
    rows = compare([poor, good], threshold=0.7)
    assert (rows[1].elpd, rows[1].diff, rows[1].diff_se) == (-6, 0, 0)
    assert (rows[0].elpd, rows[0].diff) == (-9, -3)
    assert rows[0].diff_se == pytest.approx(np.sqrt(3))  # sqrt(n var(−1, 0, −2))
    assert rows[0].p == pytest.approx(0.4)
    assert (rows[0].khat_max, rows[0].khat_bad) == (0.9, 1)
    assert rows[0].weight + rows[1].weight == pytest.approx(1)

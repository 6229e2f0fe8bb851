"""Pareto smoothing and leave-one-out cross-validation, against known answers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from stanchion.stats.convergence import relative_ess
from stanchion.stats.psis import is_bad, leave_one_out, loo, smooth, worst_khat
from stanchion.stats.thresholds import khat_threshold


def pareto_ratios(shape: float, size: int, seed: int) -> Any:
    """Return logarithms of ratios from a generalised Pareto distribution with this shape."""
    uniform = np.random.default_rng(seed).uniform(size=size)
    return np.log((uniform**-shape - 1) / shape)


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.7, 1.0])
def test_khat_finds_the_shape_of_a_pareto(shape: float) -> None:
    """On average over 20 samples of 10,000 ratios, k̂ comes within 0.1 of the true shape."""
    khats = [smooth(pareto_ratios(shape, 10_000, seed)).khat for seed in range(20)]
    assert np.mean(khats) == pytest.approx(shape, abs=0.1)


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
    smoothed = smooth(np.zeros(1000))
    assert np.isnan(smoothed.khat)
    np.testing.assert_allclose(smoothed.log_weights, -np.log(1000))


def test_a_ratio_without_limit_makes_khat_infinite() -> None:
    """An infinite or undefined ratio is the worst tail there is."""
    for bad in (np.inf, np.nan):
        assert smooth(np.append(np.zeros(1000), bad)).khat == np.inf


def test_weights_are_normalised_or_khat_is_infinite() -> None:
    """Whatever the ratios: huge, tiny, rounded, mostly −∞, or too few for a tail."""
    rng = np.random.default_rng(16)
    for size in (1, 5, 26, 50, 200):
        for scale in (1e-300, 1e-9, 1, 30, 1000, 1e300):
            ratios = rng.standard_cauchy(size) * scale
            sparse = np.where(rng.uniform(size=size) < 0.9, -np.inf, ratios)
            sparse[0] = 0
            for case in (ratios, sparse, np.round(ratios), np.append(ratios, np.inf)):
                smoothed = smooth(case)
                total = np.exp(smoothed.log_weights).sum()
                assert smoothed.khat == np.inf or total == pytest.approx(1)


def test_chains_of_one_draw_have_densities_and_no_khat() -> None:
    """Halves of them are empty: no relative ESS, no tail, and no failure."""
    estimates = loo(np.random.default_rng(17).normal(size=(4, 1, 3)))
    assert np.isfinite(estimates.elpd).all() and estimates.bad.all()


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
    estimates = loo(normal_posterior(y, 10.0, seed=6))
    np.testing.assert_allclose(estimates.elpd, exact_loo(y, 10.0), atol=0.02)
    assert estimates.elpd.sum() == pytest.approx(exact_loo(y, 10.0).sum(), abs=0.1)
    variance = 1 + 1 / (40 + 0.01)
    inside = -0.5 * np.log(2 * np.pi * variance)
    inside = inside - 0.5 * (y - y.sum() / (40 + 0.01)) ** 2 / variance
    assert estimates.p.sum() == pytest.approx((inside - exact_loo(y, 10.0)).sum(), rel=0.1)
    assert (estimates.khat < 0.5).all()
    assert estimates.se == pytest.approx(np.sqrt(40) * exact_loo(y, 10.0).std(ddof=1), rel=0.02)


def test_each_observation_has_the_tail_of_its_own_relative_ess() -> None:
    """As ArviZ has it for one observation and its relative ESS, to 1e-9, through all blocks."""
    from arviz_stats.base import array_stats

    y = np.random.default_rng(7).normal(size=300)
    likelihood = normal_posterior(y, 1.0, seed=8, draws=400)
    estimates = loo(likelihood)
    shares = relative_ess(np.exp(np.moveaxis(likelihood, 2, 0)))
    for index, share in enumerate(shares):
        elpd, khat, p = array_stats.loo(likelihood[:, :, index], r_eff=share)
        ours = estimates.elpd[index], estimates.khat[index], estimates.p[index]
        assert ours == pytest.approx((float(elpd), float(khat), float(p)), rel=1e-9)


def test_leaving_out_by_draws_of_an_approximation_is_exact() -> None:
    """Weighted draws that lie half an sd off give each leave-one-out mean of a conjugate model.

    A normal mean under a normal(0, 10) prior: without y_i it has mean Σ others / (11 + 0.01) and sd
    0.3; within 5 of its errors, 0.3/√ESS, with an ESS of each set of weights.
    """
    y = np.random.default_rng(12).normal(1, 1, size=12)
    precision = 12.01
    standard = np.random.default_rng(13).normal(size=4000)
    mu = y.sum() / precision + (0.5 + standard) / np.sqrt(precision)
    log_p, log_q = -0.5 * precision * (mu - y.sum() / precision) ** 2, -0.5 * standard**2
    likelihood = (-0.5 * (y - mu[:, None]) ** 2)[None]
    for index, smoothed in enumerate(leave_one_out(likelihood, log_p - log_q)):
        weights = np.exp(smoothed.log_weights)
        exact = (y.sum() - y[index]) / 11.01
        error = 0.3 * np.sqrt(np.square(weights).sum())
        assert smoothed.khat < 0.6
        assert (weights * mu).sum() == pytest.approx(exact, abs=5 * error)
        assert error < 0.02


def test_the_threshold_of_khat_grows_with_the_draws() -> None:
    """min(1 − 1 / log10 S, 0.7): 0.5 for 100 draws, 0.7 from about 2,200."""
    assert khat_threshold(100) == pytest.approx(0.5)
    assert khat_threshold(1000) == pytest.approx(2 / 3)
    assert khat_threshold(4000) == 0.7


def test_khat_that_is_not_a_number_is_bad() -> None:
    """Nothing vouches for an estimate whose k̂ cannot be had, and it may be the worst."""
    khat = np.array([0.1, 0.71, np.nan])
    assert is_bad(khat, 4000).tolist() == [False, True, True]
    assert worst_khat(khat[:2]) == 0.71
    assert np.isnan(worst_khat(khat))


def test_an_observation_far_off_has_no_good_khat() -> None:
    """y = 10⁴ under σ = 1: elpd is -5e7 by a single draw, and k̂ says so."""
    y = np.append(np.random.default_rng(11).normal(size=9), 1e4)
    mu = np.random.default_rng(12).normal(y.mean(), 10**-0.5, size=(4, 1000, 1))
    estimates = loo(-0.5 * np.log(2 * np.pi) - 0.5 * (y - mu) ** 2)
    assert estimates.bad[9]
    assert estimates.elpd.sum() < -1e7


def test_loo_of_an_approximation_corrects_for_it() -> None:
    """Draws half a sd off, reweighted by log_p − log_q, give the exact densities to 0.02."""
    y = np.random.default_rng(13).normal(1, 1, size=40)
    precision = 40 + 0.01
    mean, sd = y.sum() / precision, precision**-0.5
    mu = np.random.default_rng(14).normal(mean + 0.5 * sd, 1.2 * sd, size=20_000)
    log_p = -0.5 * ((mu - mean) / sd) ** 2
    log_q = -0.5 * ((mu - mean - 0.5 * sd) / (1.2 * sd)) ** 2
    likelihood = -0.5 * np.log(2 * np.pi) - 0.5 * (y - mu[None, :, None]) ** 2
    estimates = loo(likelihood, log_p - log_q)
    np.testing.assert_allclose(estimates.elpd, exact_loo(y, 10.0), atol=0.02)
    assert not estimates.bad.any()
    assert abs(loo(likelihood).elpd.sum() - exact_loo(y, 10.0).sum()) > 0.05


def test_arviz_gives_the_same_for_an_approximation() -> None:
    """Its function on a DataTree, to 1e-9."""
    import xarray as xr
    from arviz_stats import loo_approximate_posterior

    rng = np.random.default_rng(15)
    likelihood, log_p, log_q = rng.normal(size=(1, 500, 6)), *rng.normal(size=(2, 500))
    group = xr.Dataset({"y": (("chain", "draw", "obs"), likelihood)}).assign_coords(
        chain=[0], draw=np.arange(500)
    )
    tree = xr.DataTree.from_dict({"log_likelihood": group})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = loo_approximate_posterior(tree, log_p, log_q, pointwise=True)
    estimates = loo(likelihood, log_p - log_q)
    np.testing.assert_allclose(estimates.elpd, theirs.elpd_i, rtol=1e-9)
    np.testing.assert_allclose(estimates.khat, theirs.pareto_k, rtol=1e-9)
    assert estimates.p.sum() == pytest.approx(theirs.p, rel=1e-9)

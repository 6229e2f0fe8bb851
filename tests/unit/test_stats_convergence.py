"""R-hat, effective sample sizes, Monte Carlo errors and summaries against theory and ArviZ."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from stanchion.stats.convergence import Block, mixing, monte_carlo_errors, relative_ess
from stanchion.stats.intervals import interval_names
from stanchion.stats.summary import summarise

CHAINS, DRAWS = 4, 1000


def autoregressive(phi: float, *shape: int, seed: int = 1) -> Any:
    """Return stationary AR(1) chains with unit variance; the last axis is time."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=shape) * np.sqrt(1 - phi**2)
    draws = np.empty(shape)
    draws[..., 0] = rng.normal(size=shape[:-1])
    for time in range(1, shape[-1]):
        draws[..., time] = phi * draws[..., time - 1] + noise[..., time]
    return draws


def hard_cases(chains: int, draws: int) -> Any:
    """Return slow, antithetic, shifted, rounded, binary and heavy-tailed columns."""
    rng = np.random.default_rng(chains * draws)
    cases = rng.normal(size=(8, chains, draws))
    cases[0] = autoregressive(0.9, chains, draws)
    cases[1] = autoregressive(-0.8, chains, draws)
    cases[2, 0] += 3
    cases[3] = cases[3].round(1)
    cases[4] = cases[4] > 0.5
    cases[5] = rng.standard_cauchy(size=(chains, draws))
    cases[6, 0] *= 5
    return cases


def test_independent_draws_have_an_rhat_of_one_and_their_full_size() -> None:
    """R-hat 1 ± 0.005, and an ESS within a tenth of the number of draws on average."""
    mixed = mixing(Block.of(np.random.default_rng(1).normal(size=(50, CHAINS, DRAWS))))
    np.testing.assert_allclose(mixed.rhat, 1, atol=5e-3)
    assert np.mean(mixed.ess_bulk) == pytest.approx(CHAINS * DRAWS, rel=0.1)
    assert np.mean(mixed.ess_tail) == pytest.approx(CHAINS * DRAWS, rel=0.1)


@pytest.mark.parametrize("phi", [0.3, 0.6, 0.9, -0.3])
def test_the_ess_of_an_autoregressive_chain_is_that_of_theory(phi: float) -> None:
    """The mean of AR(1) has ESS n (1 − φ) / (1 + φ); the average of 50 comes within 15 %."""
    draws = autoregressive(phi, 50, CHAINS, DRAWS)
    theory = CHAINS * DRAWS * (1 - phi) / (1 + phi)
    assert np.mean(relative_ess(draws) * CHAINS * DRAWS) == pytest.approx(theory, rel=0.15)
    assert np.mean(mixing(Block.of(draws)).ess_bulk) == pytest.approx(theory, rel=0.15)


def test_the_error_of_the_mean_is_the_spread_of_means() -> None:
    """Over many fits, the standard deviation of means agrees with mcse_mean within 15 %."""
    draws = autoregressive(0.5, 400, CHAINS, 250)
    error, _ = monte_carlo_errors(Block.of(draws))
    assert np.mean(error) == pytest.approx(draws.mean((1, 2)).std(), rel=0.15)


def test_the_error_of_the_sd_is_the_spread_of_sds() -> None:
    """The same for the standard deviation."""
    draws = np.random.default_rng(2).normal(size=(400, CHAINS, 250))
    _, error = monte_carlo_errors(Block.of(draws))
    assert np.mean(error) == pytest.approx(draws.std((1, 2)).std(), rel=0.15)


def test_chains_that_disagree_are_found_in_centre_and_in_spread() -> None:
    """One chain apart, or one chain wider at the same centre, gives a large R-hat."""
    draws = np.random.default_rng(3).normal(size=(2, CHAINS, DRAWS))
    draws[0, 0] += 2
    draws[1, 0] *= 4
    assert (mixing(Block.of(draws)).rhat > 1.1).all()


def test_a_chain_that_drifts_disagrees_with_itself() -> None:
    """The halves of a single drifting chain differ."""
    drift = np.random.default_rng(4).normal(size=(1, 1, DRAWS)) + np.linspace(0, 3, DRAWS)
    assert mixing(Block.of(drift)).rhat[0] > 1.1


@pytest.mark.parametrize(
    "draws", [np.ones((CHAINS, DRAWS)), np.full((CHAINS, DRAWS), np.nan), np.zeros((CHAINS, 3))]
)
def test_what_cannot_be_judged_is_nan(draws: Any) -> None:
    """Constants, NaN and chains under four draws have neither R-hat nor ESS, and spoil no other."""
    sound = np.random.default_rng(5).normal(size=(1, *draws.shape))
    mixed = mixing(Block.of(np.concatenate([draws[None], sound])))
    assert np.isnan([mixed.rhat[0], mixed.ess_bulk[0], mixed.ess_tail[0]]).all()
    assert np.isnan(mixed.rhat[1]) == (draws.shape[1] < 4)
    assert np.isnan(monte_carlo_errors(Block.of(draws[None]))).all()


@pytest.mark.parametrize(
    ("chains", "draws"), [(4, 1000), (2, 101), (3, 7), (4, 5), (4, 24), (1, 50)]
)
def test_arviz_finds_the_same(chains: int, draws: int) -> None:
    """Every number agrees with ArviZ's to 1e-9; R-hat of one chain is ours alone."""
    from arviz_stats.base import array_stats

    cases = hard_cases(chains, draws)
    block = Block.of(cases)
    mixed, (mean, sd) = mixing(block), monte_carlo_errors(block)
    axes = {"chain_axis": 1, "draw_axis": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rhat = array_stats.rhat(cases, **axes)
        ess = {name: array_stats.ess(cases, method=name, **axes) for name in ("bulk", "mean")}
        ess["tail"] = array_stats.ess(cases, method="tail", prob=(0.05, 0.95), **axes)
        errors = [array_stats.mcse(cases, method=method, **axes) for method in ("mean", "sd")]
    if chains > 1:
        np.testing.assert_allclose(mixed.rhat, rhat, rtol=1e-9)
    np.testing.assert_allclose(mixed.ess_bulk, ess["bulk"], rtol=1e-9)
    np.testing.assert_allclose(mixed.ess_tail, ess["tail"], rtol=1e-9)
    np.testing.assert_allclose(relative_ess(cases) * chains * draws, ess["mean"], rtol=1e-9)
    np.testing.assert_allclose([mean, sd], errors, rtol=1e-9)


def summary(draws: Any, **options: Any) -> dict[str, float]:
    """Summarise one scalar (`chain × draw`)."""
    numbers = summarise(draws[:, :, None], [0], **{"sampled": True, "intervals": None, **options})
    return {name: float(values[0]) for name, values in numbers.items()}


def test_a_summary_by_hand() -> None:
    """Mean, quantiles and deviations of 1 … 20, worked out by hand."""
    row = summary(np.arange(1.0, 21.0).reshape(2, 10))
    assert row["mean"] == row["median"] == 10.5
    assert row["sd"] == pytest.approx(np.sqrt(35))
    assert row["mad"] == pytest.approx(5 * 1.482602218505602)
    assert (row["q5"], row["q95"]) == pytest.approx((1.95, 19.05))


def test_the_summary_s_columns_stand_in_their_order() -> None:
    """Declared intervals come after the quantiles, before what the sampling says."""
    row = summary(np.zeros((2, 8)), intervals={"prob": 0.9, "kind": "hdi"})
    assert list(row) == [
        "mean", "median", "sd", "mad", "q5", "q95", "hdi90_lower", "hdi90_upper",
        "mcse_mean", "mcse_sd", "ess_bulk", "ess_tail", "rhat",
    ]  # fmt: skip
    assert interval_names({"prob": 0.955, "kind": "equal_tailed"}) == (
        "eti95.5_lower",
        "eti95.5_upper",
    )


def test_the_shortest_interval_of_an_exponential_starts_at_zero() -> None:
    """The shortest 80 % ends at its 80 % quantile; the equal-tailed leaves out 10 % at each end."""
    draws = np.random.default_rng(6).exponential(size=(CHAINS, DRAWS))
    shortest = summary(draws, intervals={"prob": 0.8, "kind": "hdi"})
    assert shortest["hdi80_lower"] == pytest.approx(0, abs=0.01)
    assert shortest["hdi80_upper"] == pytest.approx(np.log(5), rel=0.05)
    lower, upper = shortest["hdi80_lower"], shortest["hdi80_upper"]
    inside = np.mean((draws >= lower) & (draws <= upper))
    assert inside == pytest.approx(0.8, abs=2 / draws.size)
    tails = summary(draws, intervals={"prob": 0.8, "kind": "equal_tailed"})
    expected = np.quantile(draws, (0.1, 0.9))
    assert (tails["eti80_lower"], tails["eti80_upper"]) == pytest.approx(tuple(expected))


def test_an_approximation_has_no_sampling_error() -> None:
    """Independent draws of the wrong distribution have no error that would speak of the right."""
    row = summary(np.random.default_rng(7).normal(size=(1, 100)), sampled=False)
    assert np.isnan([row[name] for name in ("rhat", "ess_bulk", "mcse_mean")]).all()
    assert row["mean"] == pytest.approx(0, abs=0.4)


def test_many_columns_are_summarised_as_one_by_one() -> None:
    """Blocks and threads change neither order nor numbers."""
    draws = np.random.default_rng(8).normal(size=(2, 40, 100))
    chosen = list(range(99, -1, -3))
    together = summarise(draws, chosen, sampled=True, intervals=None)
    for index, column in enumerate(chosen):
        alone = summary(draws[:, :, column])
        assert {name: values[index] for name, values in together.items()} == alone

"""Where ArviZ is silent, raises or differs, what stands before it, and that it is still needed.

Each test fails too when ArviZ has changed: then its guard in `stanchion.stats` can go.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import arviz_stats
import numpy as np
import pytest
import xarray as xr
from arviz_base import rc_context
from arviz_stats.base import array_stats
from arviz_stats.utils import ELPDDataLOO

from stanchion.stats.comparison import compare
from stanchion.stats.convergence import Block, mixing, monte_carlo_errors
from stanchion.stats.energy import ebfmi
from stanchion.stats.loo_pit import pit_of
from stanchion.stats.psis import Loo, Smoothed, is_bad, loo, smooth
from stanchion.stats.summary import summarise


@pytest.fixture(autouse=True)
def _without_warnings() -> Iterator[None]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def normal(seed: int = 1, chains: int = 4, draws: int = 1000) -> Any:
    """Return independent standard normal draws, `chain × draw`."""
    return np.random.default_rng(seed).normal(size=(chains, draws))


def one_chain_apart(scale: float) -> Any:
    """Return chains of this scale, the first two standard deviations off the others."""
    draws = normal()
    draws[0] += 2
    return draws * scale


def likelihood_tree(log_likelihood: Any) -> xr.DataTree:
    """Return ArviZ's tree of a log likelihood, `chain × draw × observation`."""
    group = xr.Dataset({"y": (("chain", "draw", "obs"), log_likelihood)})
    chains, draws = log_likelihood.shape[:2]
    group = group.assign_coords(chain=np.arange(chains), draw=np.arange(draws))
    return xr.DataTree.from_dict({"posterior": group, "log_likelihood": group})


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_an_infinite_draw_leaves_no_rhat(infinity: float) -> None:
    """ArviZ ranks ±inf as any number and finds R-hat and ESS good; ours are NaN."""
    draws = normal()
    draws[0, 3] = infinity
    assert array_stats.rhat(draws) < 1.01
    assert array_stats.ess(draws, method="bulk") > 3000
    assert array_stats.ess(draws, method="tail", prob=(0.05, 0.95)) > 3000
    mixed = mixing(Block.of(draws[None]))
    assert np.isnan([mixed.rhat, mixed.ess_bulk, mixed.ess_tail]).all()


def test_one_chain_has_an_rhat_of_its_halves() -> None:
    """ArviZ gives none to a single chain, which split R-hat can judge: one that drifts has 1.1."""
    drifting = normal(chains=1) + np.linspace(0, 3, 1000)
    assert np.isnan(array_stats.rhat(drifting))
    assert mixing(Block.of(drifting[None])).rhat[0] > 1.1


def test_errors_do_not_hang_on_the_unit() -> None:
    """ArviZ takes a range below 1e-15 for constant, and chains apart for independent draws."""
    usual, tiny = one_chain_apart(1.0), one_chain_apart(1e-20)
    assert array_stats.mcse(usual) > 0.2
    assert array_stats.mcse(tiny) == pytest.approx(tiny.std() / 4000**0.5, rel=1e-3)
    errors = [monte_carlo_errors(Block.of(draws[None])) for draws in (usual, tiny)]
    np.testing.assert_allclose(errors[1], 1e-20 * np.array(errors[0]), rtol=1e-9)


def test_a_constant_has_no_sample_size() -> None:
    """ArviZ gives a constant as many independent draws as there are, and an error of 0."""
    draws = np.ones((4, 100))
    assert (array_stats.ess(draws), array_stats.mcse(draws)) == (400, 0)
    mixed, errors = mixing(Block.of(draws[None])), monte_carlo_errors(Block.of(draws[None]))
    assert np.isnan([mixed.ess_bulk, mixed.ess_tail, *errors]).all()


def test_tails_are_those_of_five_and_ninety_five_percent() -> None:
    """ArviZ's tail ESS moves with rcParams' `stats.ci_prob`, and by default is that of 11 %."""
    draws = normal().cumsum(axis=1) * 0.1 + normal(2)
    data = xr.Dataset({"x": (("chain", "draw"), draws)})
    data = data.assign_coords(chain=np.arange(4), draw=np.arange(1000))
    theirs, ours = [], []
    for prob in (0.5, 0.89, 0.95):
        with rc_context({"stats.ci_prob": prob}):
            theirs.append(float(arviz_stats.ess(data, method="tail")["x"]))
            ours.append(float(mixing(Block.of(draws[None])).ess_tail[0]))
    assert len({round(ess, 6) for ess in theirs}) == 3
    assert float(arviz_stats.ess(data, method="tail")["x"]) == theirs[1]
    assert ours == pytest.approx([theirs[2]] * 3, rel=1e-9)


def test_psislw_negates_its_input() -> None:
    """It takes −log ratios: a heavy tail to the right has the large k̂ only with the sign turned."""
    ratios = np.log(np.random.default_rng(3).pareto(1 / 0.8, size=4000))
    assert float(array_stats.psislw(-ratios)[1]) == pytest.approx(0.8, abs=0.15)
    assert abs(float(array_stats.psislw(ratios)[1]) - 0.8) > 0.15
    assert smooth(ratios).khat == float(array_stats.psislw(-ratios)[1])


@pytest.mark.parametrize("size", [1, 3, 24])
def test_a_short_tail_has_no_khat(size: int) -> None:
    """ArviZ raises below 25 ratios; the weights stand as they are, without a k̂ to trust."""
    ratios = normal(4, 1, size)[0]
    with pytest.raises((ValueError, IndexError)):
        array_stats.psislw(-ratios)
    array_stats.psislw(-normal(4, 1, 25)[0])
    smoothed = smooth(ratios)
    assert np.isnan(smoothed.khat)
    np.testing.assert_allclose(np.exp(smoothed.log_weights), np.exp(ratios) / np.exp(ratios).sum())


def test_a_tail_of_equal_ratios_has_no_khat() -> None:
    """ArviZ raises on it, and so would end a whole comparison; here the observation is bad."""
    likelihood = np.stack([np.full((4, 100), -1.0), normal(5, 4, 100)], axis=2)
    with pytest.raises(ValueError, match="tail values are the same"):
        arviz_stats.loo(likelihood_tree(likelihood))
    estimates = loo(likelihood)
    assert estimates.bad[0] and np.isnan(estimates.khat[0])
    assert estimates.elpd[0] == pytest.approx(-1)
    assert np.isfinite(estimates.elpd[1])


def test_weights_that_are_no_numbers_have_no_khat() -> None:
    """ArviZ gives a tail of ratios near e^-740 a k̂ of 0.31, which is good, and weights of NaN."""
    ratios = np.append(np.linspace(-2000, -1000, 24), [-740, -739, -600, -500, -400, 0])
    log_weights, khat = array_stats.psislw(-ratios)
    assert khat < 0.5 and np.isnan(log_weights).all()
    smoothed = smooth(ratios)
    assert np.isnan(smoothed.khat)
    np.testing.assert_allclose(smoothed.log_weights, ratios, atol=1e-9)


def test_the_loo_of_few_draws_of_an_approximation_is_bad() -> None:
    """ArviZ raises on 20 draws; ours has the densities, and no k̂ that would vouch for them."""
    likelihood, log_p, log_q = normal(6, 1, 20)[:, :, None], *normal(7, 2, 20)
    with pytest.raises(ValueError, match="at least 5"):
        arviz_stats.loo_approximate_posterior(likelihood_tree(likelihood), log_p, log_q)
    estimates = loo(likelihood, log_p - log_q)
    assert estimates.bad.all() and np.isfinite(estimates.elpd).all()


def test_a_ratio_that_is_no_number_makes_khat_infinite() -> None:
    """ArviZ gives an infinite ratio a k̂ of NaN, and one that is NaN a k̂ of ∞: both are ∞ here."""
    ratios = normal(8)[0]
    assert np.isnan(array_stats.psislw(-np.append(ratios, np.inf))[1])
    assert np.isinf(array_stats.psislw(-np.append(ratios, np.nan))[1])
    for bad in (np.inf, np.nan):
        assert smooth(np.append(ratios, bad)).khat == np.inf


def test_khat_that_could_not_be_estimated_is_bad() -> None:
    """ArviZ's LOO warns of no k̂ that is NaN; here it counts as bad."""
    likelihood = np.stack([-0.5 * (1e4 - normal(9)) ** 2, normal(10)], axis=2)
    theirs = arviz_stats.loo(likelihood_tree(likelihood), pointwise=True)
    assert np.isnan(theirs.pareto_k[0]) and not theirs.warning
    estimates = loo(likelihood)
    assert is_bad(estimates.khat, 4000).tolist() == [True, False]


def pointwise(elpd: Any) -> ELPDDataLOO:
    """Return ArviZ's own record of pointwise densities."""
    values = np.asarray(elpd, dtype=float)
    return ELPDDataLOO(
        elpd=values.sum(),
        se=1.0,
        p=1.0,
        n_samples=4000,
        n_data_points=len(values),
        scale="log",
        warning=False,
        good_k=0.7,
        elpd_i=xr.DataArray(values, dims="observation"),
    )


def test_densities_below_what_a_number_holds_are_weighed() -> None:
    """ArviZ's stacking takes their exponential, 0 below −745, and does not prefer the better."""
    better, worse = np.full(20, -1e4), np.full(20, -1e4 - 3)
    theirs = arviz_stats.compare({"a": pointwise(better), "b": pointwise(worse)}, round_to="none")
    assert not theirs.loc["a", "weight"] > 0.9
    khat = np.full(20, 0.1)
    rows = compare([Loo(elpd, khat, khat, 4000) for elpd in (better, worse)], [0, 1])
    assert [row.weight for row in rows] == pytest.approx([1, 0], abs=1e-6)


def test_one_observation_has_no_error_of_a_difference() -> None:
    """ArviZ says 0, against which any difference is large."""
    both = {"a": pointwise([-1.0]), "b": pointwise([-60.0])}
    assert arviz_stats.compare(both, round_to="none").loc["b", "dse"] == 0
    khat = np.full(1, 0.1)
    fits = [Loo(np.array([elpd]), khat, khat, 4000) for elpd in (-1.0, -60.0)]
    assert np.isnan(compare(fits, [0, 1])[1].diff_se)


def test_a_person_s_settings_of_arviz_change_no_number() -> None:
    """ArviZ takes its defaults from an `arvizrc` of the folder or of one's home; we name each."""
    khat, elpd = np.full(40, 0.1), np.random.default_rng(13).normal(size=(2, 40))
    fits = [Loo(values, khat, khat, 4000) for values in elpd]
    draws, intervals = normal(14), {"prob": 0.9, "kind": "hdi"}
    settings = {"stats.ci_prob": 0.5, "stats.ci_kind": "hdi", "stats.round_to": "1g"}
    settings["stats.ic_compare_method"] = "pseudo-BMA"

    def numbers() -> Any:
        columns = summarise(draws[:, :, None], [0], sampled=True, intervals=intervals)
        return compare(fits, [0, 1]), columns

    theirs, ours = arviz_stats.hdi(draws.ravel()), numbers()
    with rc_context(settings):
        assert (arviz_stats.hdi(draws.ravel()) != theirs).all()
        assert numbers() == ours


def test_an_interval_of_draws_with_nan_is_nan() -> None:
    """ArviZ sorts NaN behind the largest number and gives an interval that may end in one."""
    draws = normal(11)
    draws[0, 0] = np.nan
    assert not np.isnan(array_stats.hdi(draws.ravel(), 0.9)).all()
    columns = draws[:, :, None]
    numbers = summarise(columns, [0], sampled=False, intervals={"prob": 0.9, "kind": "hdi"})
    assert np.isnan([numbers["hdi90_lower"], numbers["hdi90_upper"]]).all()


def test_an_observation_beyond_all_draws_is_not_impossible() -> None:
    """One value of 0 among 50 even ones makes ArviZ's p-value 0; a draw more holds it above 0."""
    values = np.append(0.0, np.linspace(0.01, 0.99, 49))
    assert array_stats.uniformity_test(values, method="pot_c")[0] < 1e-9
    replicated = np.tile(np.arange(100.0)[:, None], 50)
    observed = np.append(-1.0, np.linspace(0.5, 98.5, 49).round())
    weights = [Smoothed(np.full(100, -np.log(100)), 0.1)] * 50
    pit = pit_of(observed, replicated, weights, discrete=True, seed=1)
    assert pit.test.values[0] > 0 and pit.test.uniform


def test_energy_that_rests_has_no_ebfmi() -> None:
    """A constant energy or one that is no number gives NaN for its chain alone, in silence."""
    energy = normal(12)
    energy[1], energy[2, 5] = 1.0, np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fractions = ebfmi(energy)
    assert np.isnan(fractions).tolist() == [False, True, True, False]

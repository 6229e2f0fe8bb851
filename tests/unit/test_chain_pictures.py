"""Pictures of a fit's chains: what is drawn is what the draws say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from time import process_time

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from stanchion.pictures.autocorrelation import MOST_LAGS, autocorrelation, autocorrelations
from stanchion.pictures.chains import Chains
from stanchion.pictures.densities import MOST_PANELS, curve, densities, shown_densities
from stanchion.pictures.energy import energies, energy
from stanchion.pictures.pair import chosen_pair, pair, separations
from stanchion.pictures.ranks import ranks
from stanchion.pictures.style import in_style, tick_few
from stanchion.pictures.trace import trace
from tests.unit.pictures_cases import figures_of, funnel, of_one

OF_CHAINS: dict[str, Callable[[Chains], bytes]] = {
    "densities": densities,
    "trace": trace,
    "pair": pair,
    "energy": energy,
    "autocorrelation": autocorrelation,
    "ranks": ranks,
}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures whose pictures are made."""
    return figures_of(monkeypatch)


def seen(picture: bytes) -> str:
    """What a picture says is seen in it."""
    return str(Image.open(BytesIO(picture)).info.get("Description", ""))


def test_a_density_has_the_prior_over_it_where_there_is_one(shown: list[Figure]) -> None:
    """The filled curve integrates to one about the draws, the prior's to its share of the panel."""
    chains = funnel()
    words = seen(densities(chains))
    assert words.startswith("Densities of mu, tau, log_tau, noise") and "prior over them" in words
    mu, tau, log_tau = shown[-1].axes[:3]
    assert [axis.get_title("left") for axis in (mu, tau, log_tau)] == ["mu", "tau", "log_tau"]
    curves = [sum(len(line.get_xdata()) > 9 for line in a.lines) for a in (mu, tau, log_tau)]
    assert curves == [2, 2, 1]
    posterior, prior = (line.get_xydata() for line in mu.lines[:2])
    low, high = mu.get_xlim()
    areas = [np.trapezoid(y, x) / (high - low) for x, y in (posterior.T, prior.T)]
    assert areas[0] == pytest.approx(0.99, abs=0.02)
    peak = posterior[np.argmax(posterior[:, 1]), 0]
    assert peak == pytest.approx(np.median(chains.draws[:, :, 1]), abs=1.0)
    inside = np.mean((chains.prior[1] > low) & (chains.prior[1] < high))
    assert areas[1] == pytest.approx(inside, abs=0.02)


def test_a_wide_prior_does_not_hide_the_posterior(shown: list[Figure]) -> None:
    """A prior of a hundred times the spread leaves the panel as wide as the posterior."""
    chains = funnel()
    densities(chains)
    low, high = shown[-1].axes[1].get_xlim()
    assert high < 1.2 * np.quantile(chains.draws[:, :, 2], 0.995)
    assert low > -0.1 * high


def test_two_modes_stay_two(shown: list[Figure]) -> None:
    """Chains at two modes give a density of two, not one broad hill."""
    rng = np.random.default_rng(2)
    densities(of_one(np.repeat([-4.0, 4.0], 2)[:, None] + rng.normal(size=(4, 500))))
    x, y = shown[-1].axes[0].lines[0].get_xydata().T
    assert y[np.argmin(np.abs(x))] < 0.1 * y.max()


def test_the_tails_of_modes_far_apart_are_those_of_the_modes(shown: list[Figure]) -> None:
    """Ten sds from one to the other, a density is at four sds nothing, and is not cut off."""
    rng = np.random.default_rng(4)
    densities(of_one(np.repeat([-1.0, 1.0], 2)[:, None] + 0.1 * rng.normal(size=(4, 1000))))
    x, y = shown[-1].axes[0].lines[0].get_xydata().T
    away = np.abs(np.abs(x) - 1) > 0.4
    assert away.any() and y[away].max() < 0.01 * y.max()
    assert y[[0, -1]].max() < 0.03 * y.max()


def test_a_draw_that_is_resampled_is_no_mode(shown: list[Figure]) -> None:
    """Of 600 draws of one hill, taken 4,000 times, the density has one top."""
    rng = np.random.default_rng(5)
    densities(of_one(rng.choice(rng.normal(size=600), (4, 1000))))
    _, y = shown[-1].axes[0].lines[0].get_xydata().T
    assert tops(y, 0.1) == 1


def tops(y: NDArray[np.float64], share: float = 0.05) -> int:
    """Return how many tops a curve has above a share of the highest."""
    is_top = (y[1:-1] > y[:-2]) & (y[1:-1] >= y[2:]) & (y[1:-1] > share * y.max())
    return int(is_top.sum())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["half-normal", "exponential"])
def test_what_ends_at_zero_has_one_hill(shown: list[Figure], kind: str, seed: int) -> None:
    """A scale's density is no comb: its edge at zero is none of many narrow modes."""
    rng = np.random.default_rng(seed)
    draws = rng.exponential(size=(4, 1000)) if kind == "exponential" else rng.normal(size=(4, 1000))
    densities(of_one(np.abs(draws)))
    assert tops(shown[-1].axes[0].lines[0].get_xydata()[:, 1]) <= 2


@pytest.mark.parametrize("apart", [6, 10])
def test_modes_of_one_height_are_told_apart(shown: list[Figure], apart: float) -> None:
    """Six sds and ten between them: two tops, and next to nothing in the middle."""
    rng = np.random.default_rng(8)
    draws = np.repeat([-apart / 2, apart / 2], 2)[:, None] + rng.normal(size=(4, 1000))
    densities(of_one(draws))
    x, y = shown[-1].axes[0].lines[0].get_xydata().T
    assert tops(y) == 2 and y[np.argmin(np.abs(x))] < 0.1 * y.max()


def test_a_prior_that_differs_by_rounding_has_no_density() -> None:
    """Two values with no number between them have no spread in a panel of ordinary width."""
    assert curve(np.array([1.0, 1.0 + 1e-15] * 50), 0.0, 2.0) is None


@pytest.mark.parametrize(
    ("middle", "spread"), [(0.9997, 1e-4), (1, 1e-7), (123456, 30), (0.0042, 4e-4), (4e-5, 1e-5)]
)
def test_numbers_along_an_axis_stand_apart_and_in_full(
    shown: list[Figure], middle: float, spread: float
) -> None:
    """No number of a small spread runs into the next or out of the picture; none is a remainder."""
    rng = np.random.default_rng(6)
    densities(of_one(middle + spread * rng.normal(size=(4, 500))))
    (axis,) = shown[-1].axes
    texts = [text for text in axis.get_xticklabels() if text.get_text()]
    numbers = [float(text.get_text().replace("\u2212", "-")) for text in texts]
    assert len(numbers) >= 2 and not axis.xaxis.get_offset_text().get_text()
    np.testing.assert_allclose(numbers, axis.get_xticks(), rtol=1e-12)
    boxes = [text.get_window_extent() for text in texts]
    assert all(left.x1 + 5 < right.x0 for left, right in pairwise(boxes))
    assert boxes[0].x0 > 0 and boxes[-1].x1 < shown[-1].bbox.x1


@pytest.mark.parametrize(
    ("middle", "spread"), [(-8.497081e-4, 2.9202861e-7), (3.61830534e-3, 5.4341861e-9)]
)
def test_an_axis_of_long_numbers_has_one(middle: float, spread: float) -> None:
    """A number that stands clear is kept where two do not, though a coarser step leaves none."""
    with in_style():
        axis = Figure(figsize=(5, 2)).add_subplot(1, 2, 1)
        axis.set_xlim(middle - spread, middle + spread)
        tick_few(axis)
        assert len(axis.get_xticks()) == 1


def test_a_long_vector_does_not_hide_the_scalars() -> None:
    """Of many parameters the panels take those of the smallest variables, in declared order."""
    rng = np.random.default_rng(3)
    draws = rng.normal(size=(2, 20, 103))
    variables = ["lp__", *["theta"] * 100, "mu", "tau"]
    chains = Chains(variables, draws, np.ones(103), list(range(103)), variables)
    numbers = shown_densities(chains)
    assert len(numbers) == MOST_PANELS
    assert numbers == [*range(1, MOST_PANELS - 1), 101, 102]


def test_the_pair_is_chosen_where_divergences_lie(shown: list[Figure]) -> None:
    """In a funnel it is the scale, and an effect of it: not the scale once more, not noise."""
    chains = funnel()
    first, second = (chains.names[number] for number in chosen_pair(chains))
    assert first in ("tau", "log_tau")
    assert second.startswith("theta")
    words = seen(pair(chains))
    count = int(chains.diverging.sum())
    assert f"{count} divergences marked" in words
    axis = shown[-1].axes[0]
    marks = np.asarray(axis.collections[1].get_offsets())
    columns = [chains.names.index(second), chains.names.index(first)]
    assert np.array_equal(marks, chains.draws[chains.diverging][:, columns])
    assert axis.get_title("left") == f"{count} divergences among 2,000 draws"
    assert axis.get_ylabel() == first and axis.get_xlabel() == second


def test_without_divergences_the_pair_is_of_the_largest_rhat() -> None:
    """Nothing diverged: the two worst R-hats, without the log density, and no marks."""
    chains = replace(funnel(), diverging=None)
    assert [chains.names[number] for number in chosen_pair(chains)] == ["theta[4]", "theta[3]"]
    assert "no divergences" in seen(pair(chains))


def test_the_distance_of_distributions_is_scipy_s() -> None:
    """Kolmogorov–Smirnov distances agree with SciPy's, ties included."""
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(4)
    draws, flags = rng.normal(size=(300, 4)).round(1), rng.uniform(size=300) < 0.2
    draws[:, 2] = 1.0
    expected = [ks_2samp(column[flags], column[~flags]).statistic for column in draws.T]
    assert separations(draws, flags) == pytest.approx(expected)


def test_a_trace_keeps_extremes_and_marks_divergences(shown: list[Figure]) -> None:
    """A single excursion of one draw in ten thousand is in the line, at its place."""
    values = np.random.default_rng(5).normal(size=(2, 10_000))
    values[1, 7000] = 50.0
    diverging = np.zeros(values.shape, np.bool_)
    diverging[0, 2500] = True
    words = seen(trace(replace(of_one(values), diverging=diverging)))
    axis = shown[-1].axes[0]
    line = axis.lines[1].get_xydata()
    assert line[:, 1].max() == 50.0
    assert line[np.argmax(line[:, 1]), 0] == pytest.approx(7000, abs=100)
    assert axis.lines[2].get_xdata() == pytest.approx([2500.5])
    assert "2 chains of 10000 draws of x, ticks mark 1 divergence" in words


def test_autocorrelation_is_that_of_each_chain(shown: list[Figure]) -> None:
    """An autoregression of 0.9 has 0.9, 0.81, … within four standard errors; a scale is none."""
    rng = np.random.default_rng(6)
    values = np.zeros((2, 20_000))
    for draw in range(1, values.shape[1]):
        values[:, draw] = 0.9 * values[:, draw - 1] + rng.normal(size=2)
    lags = autocorrelations(values * 1e300)
    error = np.sqrt((1 + 2 * 0.81 / 0.19) / values.shape[1])  # Bartlett's
    assert lags[:, 1] == pytest.approx([0.9, 0.9], abs=4 * error)
    assert lags[:, 5] == pytest.approx([0.9**5] * 2, abs=4 * error)
    autocorrelation(of_one(values))
    assert shown[-1].axes[0].lines[0].get_ydata() == pytest.approx(lags[0])
    assert len(lags[0]) == MOST_LAGS + 1


def test_energies_are_marginal_and_of_transitions(shown: list[Figure]) -> None:
    """The first are less their mean, the second change within a chain and never between two."""
    marginal, transition = energies(np.array([[1.0, 3.0, 2.0], [10.0, 10.0, 10.0]]))
    assert marginal.tolist() == [-5.0, -3.0, -4.0, 4.0, 4.0, 4.0]
    assert transition.tolist() == [2.0, -1.0, 0.0, 0.0]
    slow = np.cumsum(np.random.default_rng(7).normal(size=(4, 500)), axis=1)
    words = seen(energy(of_one(slow)))
    wide, narrow = (
        np.ptp(line.get_xdata()[line.get_ydata() > 1e-3]) for line in shown[-1].axes[0].lines[:2]
    )
    assert narrow < wide / 3
    assert "E-BFMI of the worst chain is 0.0" in words


@pytest.mark.parametrize("name", OF_CHAINS)
@pytest.mark.parametrize(
    "values",
    [
        np.ones((4, 50)),
        np.full((4, 50), np.nan),
        np.where(np.eye(4, 50) > 0, np.inf, 1.5),
        np.random.default_rng(8).normal(size=(4, 50)) * 1e300,
        np.random.default_rng(8).choice([-1.7e308, 1.7e308], size=(4, 50)),
        np.random.default_rng(8).normal(size=(4, 50)) * 1e-310,
        np.random.default_rng(8).normal(size=(1, 50)),
        np.arange(4.0)[:, None],
        np.arange(2.0)[:, None] + [[0.0, 1.0]],
        np.where(np.arange(50) == 7, 1e6, np.zeros((4, 50))),
    ],
    ids=[
        "constant",
        "nan",
        "infinite",
        "huge",
        "extreme",
        "tiny",
        "one-chain",
        "one-draw",
        "two",
        "spike",
    ],
)
def test_odd_draws_give_a_picture_or_a_reason(name: str, values: np.ndarray) -> None:
    """Nothing that a sampler may leave fails the step."""
    with np.errstate(all="ignore"):
        chains = of_one(values)
        assert OF_CHAINS[name](chains).startswith(b"\x89PNG")
        both = replace(
            chains,
            draws=np.concatenate([chains.draws, -chains.draws[:, :, 1:]], axis=2),
            names=["lp__", "x", "y"],
            variables=["lp__", "x", "y"],
            rhats=np.full(3, np.nan),
            varying=[0, 1, 2],
            sampled=[1, 2],
            diverging=np.ones(values.shape, np.bool_),
            prior={1: values.ravel(), 2: np.array([3.0])},
        )
        assert OF_CHAINS[name](both).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", OF_CHAINS)
def test_a_fit_without_what_is_drawn_has_a_reason(name: str) -> None:
    """No parameters, no chains, no energy: a picture that says so."""
    empty = Chains([], np.empty((4, 50, 0)), np.empty(0), [])
    assert OF_CHAINS[name](empty).startswith(b"\x89PNG")
    other = replace(funnel(), no_chains="the draws are independent", energy=None, diverging=None)
    assert OF_CHAINS[name](other).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", OF_CHAINS)
def test_ten_thousand_parameters_cost_no_more_than_a_few(name: str) -> None:
    """The pictures look at some of them: seconds, not minutes."""
    rng = np.random.default_rng(9)
    draws = rng.normal(size=(4, 100, 10_000))
    names = ["lp__", *(f"theta[{number}]" for number in range(1, 10_000))]
    chains = Chains(
        names,
        draws,
        np.ones(10_000),
        list(range(10_000)),
        ["lp__", *["theta"] * 9999],
        list(range(1, 10_000)),
        diverging=rng.uniform(size=(4, 100)) < 0.1,
        energy=draws[:, :, 0],
    )
    start = process_time()
    OF_CHAINS[name](chains)
    assert process_time() - start < 10

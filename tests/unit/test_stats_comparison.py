"""Differences between models, their weights, and what may be concluded from them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from stanchion.stats.comparison import Compared, compare, conclusion
from stanchion.stats.psis import Loo


def of(elpd: Any, khat: float = 0.2) -> Loo:
    """Return a model with these pointwise densities."""
    values = np.asarray(elpd, dtype=float)
    return Loo(values, np.full(len(values), 0.1), np.full(len(values), khat), 4000)


def weights(*elpd: Any) -> list[float]:
    """Return the weights of models."""
    return [row.weight for row in compare([of(entry) for entry in elpd], range(len(elpd)))]


def test_a_comparison_is_against_the_best() -> None:
    """The best has difference 0; the other's error is sqrt(n var) of the pointwise differences."""
    rows = compare([of([-2, -2, -5]), of([-1, -2, -3])], [0, 1])
    assert (rows[1].elpd, rows[1].diff, rows[1].diff_se) == (-6, 0, 0)
    assert (rows[0].elpd, rows[0].diff) == (-9, -3)
    assert rows[0].diff_se == pytest.approx(np.sqrt(3 * 2 / 3))  # var(−1, 0, −2), as ArviZ has it
    assert rows[0].p == pytest.approx(0.3)
    assert rows[0].weight + rows[1].weight == pytest.approx(1)


def test_it_is_arviz_s_own_table() -> None:
    """Unrounded: elpd, differences, their errors and the weights, to 1e-9."""
    import arviz_stats
    import xarray as xr

    rng = np.random.default_rng(1)
    trees, fits = {}, []
    for index in range(3):
        likelihood = rng.normal(-1 - 0.02 * index, 0.3, size=(2, 400, 30))
        group = xr.Dataset({"y": (("chain", "draw", "obs"), likelihood)})
        group = group.assign_coords(chain=[0, 1], draw=np.arange(400))
        trees[index] = arviz_stats.loo(
            xr.DataTree.from_dict({"posterior": group, "log_likelihood": group}), pointwise=True
        )
        fits.append(
            Loo(trees[index].elpd_i.values, np.zeros(30), trees[index].pareto_k.values, 800)
        )
    theirs = arviz_stats.compare(trees, round_to="none")
    for index, row in enumerate(compare(fits, [0, 1, 2])):
        expected = theirs.loc[index, ["elpd", "elpd_diff", "dse", "weight"]].to_list()
        assert [row.elpd, row.diff, row.diff_se, row.weight] == pytest.approx(
            expected, rel=1e-9, abs=1e-6
        )


def test_identical_models_share_their_weight() -> None:
    """Nothing tells them apart, so neither is preferred."""
    elpd = np.random.default_rng(9).normal(size=50)
    assert weights(elpd, elpd) == pytest.approx([0.5, 0.5])


def test_a_model_that_is_worse_everywhere_gets_no_weight() -> None:
    """The better one gets all of it, to 1e-6."""
    elpd = np.random.default_rng(10).normal(size=50)
    assert weights(elpd, elpd - 0.5) == pytest.approx([1, 0], abs=1e-6)


def test_stacking_finds_the_mixture_s_proportion() -> None:
    """Two models, each right for its share of the observations: the optimum is known.

    Densities are (a, b) for 70 observations and (b, a) for 30, with a = 0.9 and b = 0.1; the weight
    w solves 70 (a − b) / (wa + (1−w)b) = 30 (a − b) / (wb + (1−w)a), so w = 0.75.
    """
    first, other = np.log([[0.9] * 70 + [0.1] * 30, [0.1] * 70 + [0.9] * 30])
    assert weights(first, other) == pytest.approx([0.75, 0.25], abs=1e-4)


def test_densities_below_what_a_number_can_hold_have_weights() -> None:
    """elpd of -1e7 and -1e7 − 3 an observation: the better one gets all, not NaN."""
    elpd = np.full(20, -1e7)
    assert weights(elpd, elpd - 3) == pytest.approx([1, 0], abs=1e-6)


def test_stacking_of_many_like_models_is_quick() -> None:
    """Ten nearly equal models of 1,000 observations: within a second, at the optimum.

    At the optimum every model with weight has the mean gradient 1, and none has more.
    """
    rng = np.random.default_rng(11)
    common = rng.normal(-1.4, 1, size=1000)
    elpd = [common + rng.normal(0, 0.05, size=1000) for _ in range(10)]
    compare([of(entry) for entry in elpd[:2]], [0, 1])
    start = time.process_time()
    stacked = np.array(weights(*elpd))
    assert time.process_time() - start < 1
    densities = np.exp(np.array(elpd).T)
    gradient = (densities / (densities @ stacked)[:, None]).mean(axis=0)
    assert gradient.max() < 1 + 1e-3


def test_two_fits_of_one_model_share_no_weight() -> None:
    """Weights are of the fits that stand for their models, and differences against these."""
    good, poor = of([-1.0, -2, -3]), of([-2.0, -2, -5])
    rows = compare([good, poor, of([-1.0, -1.9, -3])], [0, 1])
    assert rows[0].weight + rows[1].weight == pytest.approx(1)
    assert np.isnan(rows[2].weight)
    assert rows[0].diff == 0
    assert rows[2].diff == pytest.approx(0.1)
    (alone,) = compare([good], [0])
    assert (alone.diff, alone.diff_se) == (0, 0) and np.isnan(alone.weight)


def test_one_observation_gives_no_error() -> None:
    """Not an error of 0, against which every difference is large."""
    rows = compare([of([-1.0]), of([-60.0])], [0, 1])
    assert np.isnan(rows[1].diff_se)
    assert conclusion(rows[1], 1, sound=True) == "chance"


@pytest.mark.parametrize(
    ("diff", "error", "observations", "sound", "says"),
    [
        (-9.0, 4.0, 100, True, "better"),
        (-9.0, 4.0, 99, True, "few"),
        (-9.0, 2.2, 99, True, "better"),
        (-9.0, 4.6, 100, True, "chance"),
        (-4.0, 0.1, 100, True, "small"),
        (-3.9, 0.1, 20, True, "small"),
        (-900.0, 4.0, 1000, False, "unsound"),
        (-9.0, np.nan, 1000, True, "chance"),
        (np.nan, 1.0, 1000, True, "small"),
    ],
)
def test_what_a_difference_says(
    diff: float, error: float, observations: int, sound: bool, says: str
) -> None:
    """`better` asks for more than 4, twice the error, four times below 100, and good k̂."""
    row = Compared(-100, 5, 1, diff, error, 0.1, 0.2, 0)
    assert conclusion(row, observations, sound=sound) == says

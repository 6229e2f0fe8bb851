"""Bands over rows: means and intervals at the labels of the rows, with the outcomes there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from PIL import Image

from stanchion.draws.labels import factors
from stanchion.errors import DeclarationError
from stanchion.pictures.bands import plot_bands
from stanchion.pictures.declared import functions, keywords
from stanchion.plan.planner import make_plan
from stanchion.runs.check import check_plan
from stanchion.steps import draw_plot
from tests.unit.config_cases import declared
from tests.unit.pictures_cases import band_tree, figures_of
from tests.unit.steps_cases import chain, collect, plot
from tests.unit.test_plan import CONFIG, FACTS

YEARS = ["1871", "1872", "1874", "1880"]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures whose pictures are made."""
    return figures_of(monkeypatch)


def drawn(figure: Figure) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a panel's line, the corners of its band, and its points."""
    (axis,) = figure.axes
    (line,) = axis.lines
    band, points = axis.collections
    (path,) = band.get_paths()
    return np.asarray(line.get_xydata()), path.vertices, np.asarray(points.get_offsets())


def test_a_band_is_of_the_draws_at_each_year(shown: list[Figure]) -> None:
    """Line and band are NumPy's means and quantiles at the years, as the data's points are."""
    tree = band_tree(YEARS, [3.0, 4.0, 6.0, 5.0])
    plot_bands(tree, var_names=["level"], ci_prob=0.8, row_titles={"obs": "year"})
    line, band, points = drawn(shown[-1])
    draws = tree["posterior"]["level"].to_numpy().reshape(-1, 4)
    years = np.array(YEARS, dtype=float)
    np.testing.assert_allclose(line, np.column_stack([years, draws.mean(axis=0)]))
    assert shown[-1].axes[0].get_xlabel() == "year"
    np.testing.assert_allclose(points, np.column_stack([years, [3.0, 4.0, 6.0, 5.0]]))
    for row, year in enumerate(years):
        at = band[band[:, 0] == year, 1]
        ends = np.quantile(draws[:, row], [0.1, 0.9])
        np.testing.assert_allclose([at.min(), at.max()], ends, rtol=0.02)


def test_rows_are_titled_by_their_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: list[Figure]
) -> None:
    """The step writes the column whose levels label the rows under the axis."""
    tree = band_tree(YEARS, None)
    assert factors(tree) == {"obs": "year"}
    monkeypatch.setattr(draw_plot, "open_whole", lambda _: nullcontext(tree))
    plot(tmp_path, "plot_bands", var_names=["level"])
    assert shown[-1].axes[0].get_xlabel() == "year"


@pytest.mark.parametrize(
    ("labels", "places"),
    [
        (["2026-01-01", "2026-02-01", "2027-01-01"], [0, 31, 365]),
        (["north", "south", "1"], [0, 1, 2]),
        (["-1.5", "nan", "3"], [0, 1, 2]),
    ],
)
def test_rows_stand_at_dates_or_side_by_side(
    shown: list[Figure], labels: Sequence[str], places: Sequence[float]
) -> None:
    """Dates are days apart; labels that are neither numbers nor dates have their names as ticks."""
    plot_bands(band_tree(labels, None), var_names="level")
    (axis,) = shown[-1].axes
    x = np.asarray(axis.lines[0].get_xdata(), dtype=float)
    np.testing.assert_allclose(x - x[0], places)
    texts = [text.get_text() for text in axis.get_xticklabels()]
    assert texts and set(texts) <= set(labels)


def test_a_band_without_outcomes_of_its_rows_has_none(shown: list[Figure]) -> None:
    """Outcomes of other rows are not drawn in it, though as many."""
    tree = band_tree(YEARS, [1.0, 2.0, 3.0, 4.0])
    tree["observed_data"] = xr.DataTree(
        tree["observed_data"].to_dataset().assign_coords(obs=["a", "b", "c", "d"])
    )
    plot_bands(tree, var_names=["level"])
    assert np.isnan(drawn(shown[-1])[2][:, 1].astype(float)).all()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("sigma", "sigma has 0 dimensions: a band is over one"), ("y", "hold no y")],
)
def test_what_is_no_band_says_so(name: str, reason: str) -> None:
    """A scalar has no rows, and a variable that the draws lack has no numbers."""
    with pytest.raises(ValueError, match=reason):
        plot_bands(band_tree(YEARS, None), var_names=[name])


def test_the_picture_says_why_in_one_sentence(tmp_path: Path) -> None:
    """It names who could not draw it, and there is a picture in its place."""
    collect(tmp_path, [chain(seed) for seed in range(1, 5)])
    made = plot(tmp_path, "plot_bands", var_names=["mu"])
    assert Image.open(BytesIO(made[".png"])).size[0] == 960
    text = (tmp_path / "plot.json").read_text()
    assert "Stanchion cannot draw plot_bands of it: mu has 0 dimensions" in text


def test_bands_are_declared_like_a_function_of_arviz(tmp_path: Path) -> None:
    """`check` knows function, arguments and variables; a title is not the declaration's."""
    assert "plot_bands" in functions()
    assert keywords("plot_bands") == (["var_names", "ci_prob", "ci_kind"], ["var_names"])
    for declaration, what in (
        ("{plot: plot_bands}", "needs 'var_names'"),
        ("{plot: plot_bands, var_names: [thet]}", "no program of this analysis has a variable"),
        ("{plot: plot_bands, var_names: [theta], over: year}", "takes no 'over'"),
    ):
        text = CONFIG.replace("    compare:", f"    plots: [{declaration}]\n    compare:")
        with pytest.raises(DeclarationError, match=what):
            check_plan(make_plan(declared(tmp_path, text), FACTS))

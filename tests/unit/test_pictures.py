"""Pictures: the same bytes each time, legible on a telephone, and no picture without a reason."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from itertools import combinations
from pathlib import Path
from time import process_time
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from arviz_base import rc_context
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from stanchion.pictures import style
from stanchion.pictures.autocorrelation import autocorrelation
from stanchion.pictures.bands import plot_bands
from stanchion.pictures.chains import Chains
from stanchion.pictures.densities import densities
from stanchion.pictures.effects import effects
from stanchion.pictures.energy import energy
from stanchion.pictures.khat import khat
from stanchion.pictures.outcomes import Checked, Outcomes
from stanchion.pictures.pair import pair
from stanchion.pictures.predictions import predictions
from stanchion.pictures.ranks import MOST_DRAWS, ranks
from stanchion.pictures.replications import Replications, prior_predictive, replications
from stanchion.pictures.style import placeholder
from stanchion.pictures.trace import trace
from stanchion.runs.warm.offer import THREADLESS
from stanchion.stats.loo_pit import Pit
from stanchion.stats.predictive import Statistic, statistic
from stanchion.stats.psis import is_bad
from stanchion.stats.uniformity import uniformity
from tests.unit.pictures_cases import band_tree, figures_of, funnel

RNG = np.random.default_rng(1)
Y, Y_REP = RNG.normal(size=40), RNG.normal(size=(200, 40))
DATA = Replications("y", Y, Y_REP, discrete=False)
COUNTS = Replications("n", np.arange(40.0) % 7, RNG.poisson(3, (200, 40)).astype(float), True)
STATISTICS = [statistic(name, Y, Y_REP) for name in ("mean", "max")]
SKEWED = RNG.uniform(size=40) ** 3
CHAINS = RNG.normal(size=(3, 4, 50)) + np.arange(4)[:, None] / 3
ROWS = np.array([[2, 1, 3.0], [0, -1, 1.0]])


def pit(values: np.ndarray) -> Pit:
    """LOO-PIT of these values, with sound k̂."""
    return Pit(uniformity(values), np.full(len(values), 0.2), np.zeros(len(values), dtype=bool))


def chain_ranks(names: Sequence[str], draws: np.ndarray, rhats: np.ndarray) -> bytes:
    """The rank plots of scalars, `scalar × chain × draw`."""
    return ranks(Chains(names, np.moveaxis(draws, 0, 2), rhats, range(len(names))))


def khats(values: np.ndarray) -> Outcomes:
    """A fit's checks with these k̂ of its observations, from 200 draws."""
    test = Pit(uniformity(SKEWED), values, is_bad(values, len(Y_REP)))
    labels = [f"row {number}" for number in range(1, len(values) + 1)]
    return Outcomes(Checked(DATA, [], test, "", labels), None)


KHAT = np.linspace(-0.1, 0.5, 40)
KHAT[[6, 30, 12]] = [0.9, 0.8, np.nan]


def grid_effect(kind: str, by: Sequence[Any], values: Sequence[Any]) -> dict[str, Any]:
    """An effect of `x`, with these lines of `group`, at these values."""
    ends = ("lower", -1.0), ("mean", 0.0), ("upper", 1.0)
    lines = [
        {"by_value": b, "rows": [{"value": v, **{k: n + m for k, m in ends}} for v in values]}
        for n, b in enumerate(by)
    ]
    is_by = by[0] is not None
    return {
        "effect": "x:group" if is_by else "x",
        "predictor": "x",
        "kind": kind,
        "by": "group" if is_by else None,
        "by_kind": "level" if is_by else None,
        "prior_because": None,
        "lines": lines,
    }


def grid_effects(*declared: dict[str, Any], x: Sequence[Any], y: Any = None) -> dict[str, Any]:
    """What effects.json holds of these effects, with data."""
    groups = ["a", "b", None, "c"]
    return {
        "made": True,
        "variable": "mu_new",
        "titles": {"x": "Age at the visit (years)"},
        "interval": {"prob": 0.9, "kind": "equal_tailed"},
        "observed": {"outcome": "y", "values": y, "columns": {"x": x, "group": groups}},
        "effects": declared,
    }


EFFECTS = [
    grid_effect("number", [None], np.linspace(0, 5, 50).tolist()),
    grid_effect("number", list("abcdefghijkl"), np.linspace(0, 5, 50).tolist()),
]
LEVELS = [grid_effect("level", ["a", "b", "c"], ["never", "sometimes", "every single day"])]
DATES = [grid_effect("date", [None], [f"2026-01-{day:02}" for day in range(1, 32)])]


PRIORS = [
    {
        **effect,
        "lines": [
            {**line, "prior": np.add.outer(np.arange(25.0), np.arange(len(line["rows"]))).tolist()}
            for line in effect["lines"]
        ],
    }
    for effect in (EFFECTS[0], LEVELS[0])
]
PRIORS[0]["lines"][0]["prior"][2][7] = None


MADE: dict[str, Callable[[], bytes]] = {
    "ranks": lambda: chain_ranks(["mu", "theta[1]", "tau"], CHAINS, np.array([1.0, 1.2, np.nan])),
    "posterior": lambda: replications(DATA, STATISTICS, pit(SKEWED), ""),
    "no_pit": lambda: replications(DATA, [], None, "there is no log_lik"),
    "prior": lambda: prior_predictive(DATA),
    "counts": lambda: prior_predictive(COUNTS),
    "predictions": lambda: predictions("y_new", ["a", "b"], ROWS),
    "densities": lambda: densities(funnel()),
    "trace": lambda: trace(funnel()),
    "pair": lambda: pair(funnel()),
    "energy": lambda: energy(funnel()),
    "autocorrelation": lambda: autocorrelation(funnel()),
    "khat": lambda: khat(khats(KHAT)),
    "effects": lambda: effects(grid_effects(*EFFECTS, x=[0, 2.5, None, 5], y=[0, 3, 9, -2])),
    "effects_and_prior": lambda: effects(
        grid_effects(*PRIORS, x=[0, 2.5, None, 5], y=[0, 3, 9, -2])
    ),
    "effects_of_levels": lambda: effects(
        grid_effects(*LEVELS, x=["never", None, "sometimes", "never"], y=[0, 3, 9, -2])
    ),
    "effects_of_dates": lambda: effects(grid_effects(*DATES, x=["2026-01-01", None, None, None])),
    "bands": lambda: plot_bands(
        band_tree([f"{1871 + row}" for row in range(100)], np.arange(100.0)),
        var_names=["level", "level"],
        outcome_title="an outcome of a very long name (10⁸ m³)",
        row_titles={"obs": "a column of the rows, longer than the axis"},
    ),
    "bands_of_dates": lambda: plot_bands(
        band_tree([f"2026-01-{day:02}" for day in range(1, 29)], None), var_names="level"
    ),
    "bands_of_labels": lambda: plot_bands(
        band_tree([f"a region of number {row}" for row in range(12)], None), var_names="level"
    ),
    "placeholder": lambda: placeholder("the fit failed its checks: rhat"),
}

HASHES = """
import sys, os
from tests.unit.test_pictures import MADE
from hashlib import sha256
print(*(sha256(make()).hexdigest() for make in MADE.values()))
print(len(os.listdir("/proc/self/task")))
import matplotlib, matplotlib.pyplot
print(matplotlib.get_backend(), matplotlib.pyplot.get_fignums(), "tkinter" in sys.modules)
"""


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures whose pictures are made."""
    return figures_of(monkeypatch)


@pytest.mark.parametrize("name", MADE)
def test_a_picture_is_the_same_each_time(name: str) -> None:
    """The same numbers give the same bytes, and nothing else is in the file."""
    first = MADE[name]()
    assert first == MADE[name]()
    picture = Image.open(BytesIO(first))
    assert set(picture.info) <= {"dpi", "Description"}
    assert picture.size[0] == style.WIDTH * style.DOTS_PER_INCH
    assert len(first) < 300_000


def test_pictures_are_the_same_in_every_process() -> None:
    """Neither a hash seed, a day, a window system, nor a person's ArviZ settings moves a byte.

    Nor does any of it start a thread, ask for a window, or keep a figure.
    """
    expected = " ".join(sha256(make()).hexdigest() for make in MADE.values())
    for seed, backend in (("1", "agg"), ("2", "tkagg")):
        environment = {
            **os.environ,
            **THREADLESS,
            "PYTHONHASHSEED": seed,
            "MPLBACKEND": backend,
            "SOURCE_DATE_EPOCH": seed,
            "PYTHONPATH": str(Path.cwd()),
        }
        run = [sys.executable, "-c", HASHES]
        completed = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
        assert completed.stdout.splitlines() == [expected, "1", "agg [] False"]


def test_a_person_s_own_style_changes_nothing() -> None:
    """Settings that are in force elsewhere stay out, and are left alone."""
    plain = MADE["posterior"]()
    settings = {"plot.density_kind": "hist", "stats.envelope_prob": 0.5, "data.sample_dims": ["x"]}
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}), rc_context(settings):
        assert MADE["posterior"]() == plain
        assert mpl.rcParams["font.size"] == 30


@pytest.mark.parametrize("name", MADE)
def test_letters_are_legible_on_a_telephone(name: str, shown: list[Figure]) -> None:
    """At 390 px, whose column is 358, no text is under 9.9 px, and none leaves the picture."""
    picture = np.asarray(Image.open(BytesIO(MADE[name]())).convert("L"))
    texts = [text for text in shown[-1].findobj(Text) if text.get_text().strip()]
    assert texts
    for text in texts:
        assert text.get_fontsize() * 358 / (72 * shown[-1].get_figwidth()) >= 9.9, text
    assert (picture[:, [0, 1, -2, -1]] == 255).all()
    assert (picture[[0, 1, -2, -1]] == 255).all()


def test_panels_leave_each_other_room(shown: list[Figure]) -> None:
    """The longest names, numbers and verdicts end before the panel beside them begins."""
    names = ["a_parameter_of_a_long_name[12,345]"] * 2
    draws = np.repeat(CHAINS[:1], 2, axis=0)
    chain_ranks(names, draws, np.array([1.001, 12.345]))
    data = Replications("a_parameter_of_a_long_name", Y * 1e5, Y_REP * 1e5, discrete=False)
    result = [statistic(name, Y, Y_REP) for name in ("skewness", "median")]
    replications(data, result, pit(SKEWED), "")
    bad = replace(pit(SKEWED), bad=np.ones(40, dtype=bool))
    replications(data, result, bad, "")
    for figure in shown:
        remaining, right = figure.axes[:2]
        for axis in (remaining, right):
            assert axis.get_title("left")
        boxes = [axis.get_tightbbox().extents for axis in (remaining, right)]
        assert boxes[0][2] < boxes[1][0]
        assert boxes[1][2] < figure.bbox.width


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    linear = rgb(colour)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def rgb(colour: str) -> np.ndarray:
    """Linear RGB of an sRGB colour."""
    values = np.array(mpl.colors.to_rgb(colour))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


DICHROMATS = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
"""Machado, Oliveira and Fernandes (2009, doi:10.1109/TVCG.2009.113), severity 1.0."""
TO_LAB = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
FROM_CONES = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip


@pytest.mark.parametrize("vision", DICHROMATS)
def test_chains_differ_in_any_colour_vision(vision: str) -> None:
    """The first four colours, and line and fill, are 0.15 or more apart in Oklab; dashes differ."""

    def seen(colour: str) -> np.ndarray:
        cones = TO_LAB @ np.clip(np.array(DICHROMATS[vision]) @ rgb(colour), 0, 1)
        return FROM_CONES @ np.cbrt(cones)

    pairs = [*combinations(style.CHAINS[:4], 2), (style.INK, style.FILL)]
    for first, second in pairs:
        assert np.linalg.norm(seen(first) - seen(second)) > 0.15, (first, second)


@pytest.mark.parametrize("colour", [*style.CHAINS, style.FILL, style.INK, style.SOFT])
def test_colours_stand_out_from_paper(colour: str) -> None:
    """Lines have a contrast of 3 with white, letters of 4.5 (WCAG 2.2, 1.4.11 and 1.4.3)."""
    contrast = 1.05 / (luminance(colour) + 0.05)
    assert contrast >= (4.5 if colour in (style.INK, style.SOFT) else 3)


@pytest.mark.parametrize(
    "observed", [np.array([3.0]), np.full(50, 2.0), np.array([0.0, np.nan] * 20), None]
)
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e300, np.inf, np.nan])
def test_odd_data_are_drawn_too(observed: np.ndarray | None, scale: float) -> None:
    """One observation, constants, NaN and what overflows give a picture, not an error."""
    size = 40 if observed is None else len(observed)
    with np.errstate(all="ignore"):
        replicated = RNG.normal(size=(60, size)) * scale
    data = Replications("y", observed, replicated, discrete=False)
    assert prior_predictive(data).startswith(b"\x89PNG")
    if observed is not None and len(observed) == 50:
        result = [statistic(name, observed, replicated) for name in ("mean", "sd", "skewness")]
        assert replications(data, result, None, "there is no log_lik")


def test_a_density_is_that_of_all_values(shown: list[Figure]) -> None:
    """Where half of the values lie outside the range, the curve within it has half the area."""
    inside = np.linspace(-1, 1, 400)
    half = np.concatenate([inside, np.full(400, 1e6)])
    replicated = np.vstack([np.concatenate([inside, inside])] * 38 + [half, half])
    prior_predictive(Replications("y", np.concatenate([inside, inside]), replicated, False))
    curves = [line.get_xydata() for line in shown[-1].axes[0].lines if len(line.get_xdata()) > 9]
    areas = sorted(float(np.trapezoid(curve[:, 1], curve[:, 0])) for curve in curves)
    assert areas[:2] == pytest.approx([0.5, 0.5], abs=0.02)
    assert areas[2:] == pytest.approx([1.0] * 39, abs=0.02)


def test_chains_that_differ_leave_zero(shown: list[Figure]) -> None:
    """A chain's line is its ECDF of joint ranks less the diagonal: a shift of all draws shows."""
    apart = np.stack([np.arange(100.0), np.arange(100.0) + 1000])[None]
    chain_ranks(["mu"], apart, np.array([3.0]))
    low, high = (line.get_xydata() for line in shown[-1].axes[0].lines[:2])
    assert low[:, 1].max() == pytest.approx(0.5, abs=0.02)
    assert high[:, 1].min() == pytest.approx(-0.5, abs=0.02)


def test_rank_plots_judge_no_chains_that_agree(shown: list[Figure]) -> None:
    """Draws that depend on one another bring no p-value and no marks: R-hat is what is checked."""
    draws = np.cumsum(RNG.normal(size=(1, 4, 200)), axis=2)
    chain_ranks(["mu"], draws, np.ones(1))
    axis = shown[-1].axes[0]
    assert not axis.texts and not axis.collections
    assert axis.get_xlabel() == "R-hat 1.000"


def test_an_ecdf_of_few_values_has_its_extremes(shown: list[Figure]) -> None:
    """LOO-PIT of two observations jumps where they are."""
    replications(DATA, [], pit(np.array([0.1, 0.3])), "")
    line = shown[-1].axes[1].lines[1].get_xydata()
    assert line.tolist() == pytest.approx(
        np.array([[0, 0], [0.1, -0.1], [0.1, 0.4], [0.3, 0.2], [0.3, 0.7], [1, 0]])
    )


def test_a_statistic_of_a_long_tail_has_few_bars(shown: list[Figure]) -> None:
    """Where one value in a hundred is a million times farther out, the bars stay countable."""
    values = np.concatenate([np.full(980, 1e-6) * RNG.uniform(size=980), np.ones(20)])
    replications(DATA, [Statistic("max", 0.5, values)], None, "there is no log_lik")
    (bars,) = shown[-1].axes[2].collections
    assert len(bars.get_paths()[0].vertices) < 200


def test_many_draws_cost_no_more(shown: list[Figure]) -> None:
    """40,000 draws a chain are ranked by as many as a panel shows, and it says so."""
    small, large = (RNG.normal(size=(1, 4, size)) for size in (MOST_DRAWS, 80 * MOST_DRAWS))
    times = []
    for draws in (small, small, large):
        start = process_time()
        chain_ranks(["mu"], draws, np.ones(1))
        times.append(process_time() - start)
    assert times[2] < 5 * times[1]
    lines = shown[-1].axes[0].lines
    assert max(len(line.get_xdata()) for line in lines) <= MOST_DRAWS
    assert "1 draw in 80" in shown[-1].texts[0].get_text()


def test_many_chains_have_a_picture(shown: list[Figure]) -> None:
    """Where colours and dashes no longer tell chains apart, the legend goes."""
    chain_ranks(["mu"], RNG.normal(size=(1, 12, 50)), np.ones(1))
    chain_ranks(["mu"], RNG.normal(size=(1, 40, 50)), np.ones(1))
    assert [len(figure.legends[0].get_texts()) for figure in shown] == [12, 0]


def test_each_khat_is_drawn_and_the_worst_are_named(shown: list[Figure]) -> None:
    """Sound and bad k̂ stand apart, at their observation, with the threshold that judges them."""
    picture = Image.open(BytesIO(khat(khats(KHAT))))
    axis = shown[-1].axes[0]
    sound, bad = (np.asarray(points.get_offsets()) for points in axis.collections)
    assert bad.tolist() == [[7, 0.9], [31, 0.8]]
    assert sound.tolist() == [[n + 1, k] for n, k in enumerate(KHAT) if n not in (6, 12, 30)]
    threshold = 1 - 1 / np.log10(200)
    assert axis.lines[0].get_ydata()[0] == pytest.approx(threshold)
    assert [text.get_text().strip() for text in axis.texts] == ["row 7", "row 31"]
    assert axis.get_title("left") == f"Pareto k̂: 3 of 40 bad, threshold {threshold:.2f}"
    assert "3 of 40 are bad, above 0.57" in picture.info["Description"]
    assert "row 13, row 7 and row 31" in picture.info["Description"]


def test_names_of_observations_do_not_overlap(shown: list[Figure]) -> None:
    """Of neighbours the worst is named alone; all three stand in the words."""
    values = np.zeros(100)
    values[[40, 41, 80]] = [0.9, 0.91, 0.8]
    picture = Image.open(BytesIO(khat(khats(values))))
    texts = [text.get_text().strip() for text in shown[-1].axes[0].texts]
    assert texts == ["row 42", "row 81"]
    assert "row 42, row 41 and row 81" in picture.info["Description"]


@pytest.mark.parametrize(
    "values", [np.array([np.nan]), np.full(40, np.inf), np.zeros(40), np.full(30_000, 0.9)]
)
def test_odd_khats_are_drawn_too(values: np.ndarray) -> None:
    """One observation, no number, all alike, and many give a picture of a telephone's size."""
    assert len(khat(khats(values))) < 60_000


def test_names_in_a_picture_are_not_mathematics() -> None:
    """A dollar in a label is a dollar."""
    assert predictions("y", ["$a_b$", "$"], ROWS)


def test_rows_without_a_number_are_left_empty() -> None:
    """A prediction that is NaN, or infinite, leaves its row empty."""
    assert predictions("y", ["a", "b", "c"], np.array([[2, 1, 3.0], [np.nan] * 3, [np.inf] * 3]))


def test_prior_draws_without_value_are_counted_not_ranked(shown: list[Figure]) -> None:
    """Half of them NaN: a line for each of the others, and no word that those lie out of range."""
    replicated = np.array(Y_REP[:100])
    replicated[::2] = np.nan
    prior_predictive(Replications("y", Y, replicated, discrete=False, title="y"))
    axis = shown[-1].axes[0]
    texts = [text.get_text() for text in axis.get_legend().get_texts()]
    assert "50 % of the draws have no finite value" in texts
    assert "from the prior, 50 draws" in texts
    assert not any("lie outside" in text for text in texts)
    assert axis.get_xlabel() == "y"
    drawn = [line.get_ydata() for line in axis.lines if len(line.get_xdata()) > 9]
    assert len(drawn) == 51 and np.isfinite(np.array(drawn, dtype=np.float64)).all()


@pytest.mark.parametrize("end", np.linspace(2990, 3010, 5))
def test_the_last_tick_of_a_prior_is_whole(shown: list[Figure], end: float) -> None:
    """Wherever the range ends, no label is cut by the edge of the picture."""
    observed = np.linspace(-end, end, 40) / 1.05
    prior_predictive(Replications("y", observed, np.tile(observed, (50, 1)), discrete=False))
    figure = shown[-1]
    labels = [label for label in figure.axes[0].get_xticklabels() if label.get_text()]
    assert len(labels) > 2
    assert max(label.get_window_extent().x1 for label in labels) < figure.bbox.width

"""Pictures: the same bytes each time, legible sizes, and no picture without a reason."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from stanchion.pictures import figures as pictures
from stanchion.stats.loo_pit import Pit
from stanchion.stats.predictive import statistic
from stanchion.stats.uniformity import uniformity

RNG = np.random.default_rng(1)
Y, Y_REP = RNG.normal(size=40), RNG.normal(size=(200, 40))
DATA = pictures.Replications("y", Y, Y_REP, discrete=False)
STATISTICS = [statistic(name, Y, Y_REP) for name in ("mean", "max")]
PIT = Pit(uniformity(RNG.uniform(size=40)), np.full(40, 0.2), np.zeros(40, dtype=bool))

MADE: dict[str, Callable[[], bytes]] = {
    "ranks": lambda: pictures.ranks(
        ["mu", "theta[1]", "tau"], np.zeros((3, 4, 50)) + Y_REP[:3, None, :1], np.ones(3)
    ),
    "posterior": lambda: pictures.posterior_predictive(DATA, STATISTICS, PIT, ""),
    "no_pit": lambda: pictures.posterior_predictive(DATA, [], None, "there is no log_lik"),
    "prior": lambda: pictures.prior_predictive(DATA),
    "predictions": lambda: pictures.predictions("y_new", ["a", "b"], np.array([[2, 1, 3.0]] * 2)),
    "placeholder": lambda: pictures.placeholder("the fit failed its checks: rhat"),
}


@pytest.mark.parametrize("name", MADE)
def test_a_picture_is_the_same_each_time(name: str) -> None:
    """The same numbers give the same bytes, and nothing else is in the file."""
    first = MADE[name]()
    assert first == MADE[name]()
    picture = Image.open(BytesIO(first))
    assert set(picture.info) <= {"dpi"}
    assert picture.size[0] == 6 * pictures.DOTS_PER_INCH
    assert len(first) < 300_000


def test_a_person_s_own_style_changes_nothing() -> None:
    """Settings of matplotlib that are in force elsewhere stay out, and are left alone."""
    import matplotlib as mpl

    plain = MADE["posterior"]()
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert MADE["posterior"]() == plain
        assert mpl.rcParams["font.size"] == 30


@pytest.mark.parametrize(
    "observed", [np.array([3.0]), np.full(50, 2.0), np.array([0.0, np.nan] * 20), None]
)
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e300, np.inf, np.nan])
def test_odd_data_are_drawn_too(observed: np.ndarray | None, scale: float) -> None:
    """One observation, constants, NaN and what overflows give a picture, not an error."""
    size = 40 if observed is None else len(observed)
    with np.errstate(all="ignore"):
        replicated = RNG.normal(size=(60, size)) * scale
    data = pictures.Replications("y", observed, replicated, discrete=False)
    assert pictures.prior_predictive(data).startswith(b"\x89PNG")


def test_names_in_a_picture_are_not_mathematics() -> None:
    """A dollar in a label is a dollar."""
    assert pictures.predictions("y", ["$a_b$", "$"], np.array([[2, 1, 3.0]] * 2))


def test_no_window_system_is_asked() -> None:
    """Neither pyplot nor a graphical toolkit is imported."""
    script = (
        "import sys, stanchion.pictures.figures as p; p.placeholder('x'); "
        "print([m for m in sys.modules if m in ('matplotlib.pyplot', 'tkinter', 'scipy')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

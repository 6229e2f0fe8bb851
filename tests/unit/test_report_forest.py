"""The picture of intervals: in proportion, and readable at every scale."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from stanchion.report.forest import Interval, Quantity, forest, ticks
from stanchion.report.reading import Scalar


def quantity(name: str, *ends: tuple[float, float]) -> Quantity:
    """Return a quantity with an interval a fit, its middle halfway."""
    return Quantity(
        Scalar(name, name),
        tuple(Interval(n, low, (low + high) / 2, high) for n, (low, high) in enumerate(ends)),
    )


def test_marks_keep_order_and_proportion() -> None:
    """A middle halfway is drawn halfway, and what is twice as wide is drawn twice as wide."""
    (panel,) = forest([quantity("mu", (-1, 1), (0, 4))])
    first, second = panel.marks
    assert first.middle == pytest.approx((first.left + first.right) / 2, abs=0.02)
    assert second.right - second.left == pytest.approx(2 * (first.right - first.left), abs=0.05)
    assert first.middle == pytest.approx(second.left, abs=0.02) and first.y < second.y
    (zero,) = [tick for tick in panel.ticks if tick.zero]
    assert zero.x == pytest.approx(first.middle, abs=0.02)


def test_everything_lies_inside() -> None:
    """No mark or tick stands outside the picture."""
    for panel in forest([quantity(f"x[{n}]", (n - 3, n + 2.5)) for n in range(20)]):
        assert all(0 <= mark.left < mark.right <= 100 for mark in panel.marks)
        assert all(0 <= tick.x <= 100 for tick in panel.ticks)
        assert all(0 < mark.y < panel.plot_height for mark in panel.marks)
        assert sum(label.height for label in panel.labels) == panel.plot_height


def test_quantities_of_unlike_scale_have_panels_of_their_own() -> None:
    """An intercept of some 50 and a slope of some 0.01 do not share an axis."""
    panels = forest([quantity("a", (-35, 14)), quantity("b", (30, 75)), quantity("c", (0.9, 1.3))])
    assert [[label.scalar.name for label in panel.labels] for panel in panels] == [
        ["a", "b"],
        ["c"],
    ]


def test_a_vector_stays_together_longer() -> None:
    """Shares of some 0.007 and 0.38 are compared on one axis, two parameters of such sizes not."""
    sizes = [(0.0045, 0.0104), (0.3485, 0.4144)]
    assert len(forest([quantity(f"share[{n}]", ends) for n, ends in enumerate(sizes)])) == 1
    assert len(forest([quantity(name, ends) for name, ends in zip("ab", sizes, strict=True)])) == 2


def test_what_cannot_be_drawn_is_left_out() -> None:
    """NaN, infinity, a constant and what would overflow are not drawn; nothing else suffers."""
    bad = [(math.nan, 1.0), (0.0, math.inf), (2.0, 2.0), (-1e300, 1e300)]
    assert forest([quantity(f"bad[{n}]", ends) for n, ends in enumerate(bad)]) == ()
    (panel,) = forest([quantity("bad", bad[0]), quantity("good", (1, 2))])
    assert [label.scalar.name for label in panel.labels] == ["good"]


@pytest.mark.parametrize("scale", [1e-12, 0.003, 1.0, 47.0, 3e7])
@pytest.mark.parametrize("start", [-1.0, -0.31, 0.0, 5.2])
def test_ticks_are_few_round_and_inside(scale: float, start: float) -> None:
    """Two to seven ticks, evenly spaced, within the range."""
    low, high = start * scale, (start + 1) * scale
    result = ticks(low, high)
    gaps = [b - a for a, b in pairwise(result)]
    assert 2 <= len(result) <= 7
    assert low - 1e-6 * scale <= result[0] and result[-1] <= high + 1e-6 * scale
    assert max(gaps) == pytest.approx(min(gaps), rel=1e-6)


def test_long_labels_lose_their_middle() -> None:
    """A main effect and an interaction that begin alike stay distinguishable."""
    long = "beta[arm[T.a medication with a long name]"
    labels = [f"{long}]", f"{long}:age]", "beta[education:party]"]
    scalars = [Scalar(f"beta[{n}]", label) for n, label in enumerate(labels)]
    drawn = [Quantity(scalar, (Interval(0, 0, 1, 2),)) for scalar in scalars]
    (panel,) = forest(drawn)
    texts = [label.text for label in panel.labels]
    assert texts == ["beta[arm[T.a… long name]]", "beta[arm[T.a…g name]:age]", labels[2]]


def test_words_say_what_is_seen() -> None:
    """Of what, from where to where, and what lies clear of zero in every fit."""
    (panel,) = forest(
        [quantity("a", (1, 4), (2, 6)), quantity("b", (-4, -1)), quantity("c", (-1, 1))]
    )
    assert panel.seen == (
        "Intervals of a, b and c on an axis from \u22124 to 6; a wholly above zero; "
        "b wholly below zero"
    )
    (panel,) = forest([quantity("a", (1, 4), (-2, 6))])
    assert panel.seen.endswith("; none lies wholly on one side of zero")
    (panel,) = forest([quantity(f"x[{n}]", (1, 4)) for n in range(9)])
    assert "x[6] and others on an axis" in panel.seen and panel.seen.endswith(
        "; all wholly above zero"
    )

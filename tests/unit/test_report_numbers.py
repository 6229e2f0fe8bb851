"""How the report writes numbers and draws intervals."""

from __future__ import annotations

import math

import pytest

from stanchion.report.forest import Interval, Row, forest
from stanchion.report.numbers import decimals, fixed, probability, significant


@pytest.mark.parametrize(
    ("error", "sd", "places"),
    [(0.02, 1.0, 2), (0.3, 10.0, 1), (5.0, 100.0, 0), (None, 1.0, 1), (None, 0.03, 3), (0.0, 0, 2)],
)
def test_digits_end_where_the_error_begins(error: float | None, sd: float, places: int) -> None:
    """The last decimal is the first digit of the MCSE; without one, the second of the sd."""
    assert decimals(error, sd) == places


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (1.256, 2, "1.26"),
        (-0.5, 1, "−0.5"),
        (-0.001, 2, "0.00"),
        (math.nan, 2, "–"),
        (None, 2, "–"),
        (math.inf, 0, "∞"),
        (3e9, 1, "3.00e+09"),
    ],
)
def test_fixed(value: float | None, places: int, text: str) -> None:
    """Missing is a dash, infinity its sign, and no number is a negative zero."""
    assert fixed(value, places) == text


def test_significant_keeps_small_and_large_readable() -> None:
    """Three significant digits, whatever the size of the number."""
    assert [significant(x) for x in (0.001234, 12.34, 1234.0)] == ["0.00123", "12.3", "1234"]


def test_probability_never_says_zero_or_one() -> None:
    """A tail probability from draws is never shown as certain."""
    assert [probability(x) for x in (0.0, 1.0, 0.5)] == ["< 0.01", "> 0.99", "0.50"]


def test_forest_keeps_order_and_proportion() -> None:
    """Marks lie in the order of the numbers, and a middle halfway is drawn halfway."""
    drawn = forest([Row("mu", (Interval(0, -1.0, 0.0, 1.0), Interval(1, 0.0, 2.0, 4.0)))])
    assert drawn is not None
    first, second = drawn.marks
    assert first.middle == pytest.approx((first.left + first.right) / 2, abs=0.1)
    assert second.left == pytest.approx(first.middle, abs=0.1)
    assert drawn.zero == pytest.approx(first.middle, abs=0.1)
    assert first.colour != second.colour and first.y < second.y


def test_forest_leaves_out_what_is_not_finite() -> None:
    """A quantity that is NaN or infinite is not drawn, and nothing finite is no picture."""
    bad = Row("bad", (Interval(0, math.nan, 0.0, math.inf),))
    good = Row("good", (Interval(0, 1.0, 2.0, 3.0),))
    drawn = forest([bad, good])
    assert drawn is not None and [name for name, _ in drawn.labels] == ["good"]
    assert forest([bad]) is None

"""How the report writes numbers: no digit that the Monte Carlo error does not support."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.report.numbers import (
    beside,
    count,
    exact,
    probability,
    quantile_error,
    significant,
    supported,
    to_place,
)

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (4.41234, 0.0123, "4.41"),
        (4.41234, 0.0999, "4.41"),
        (4.41234, 0.123, "4.4"),
        (4.41234, 1.23, "4"),
        (-0.04, 0.3, "0.0"),
        (123456.0, 123.0, "123500"),
        (0.000123456, 0.00000213, "0.000123"),
    ],
)
def test_last_digit_stands_where_the_error_begins(value: float, error: float, text: str) -> None:
    """The last digit shown has the place of the Monte Carlo error's first digit."""
    assert supported(value, error, 1.0) == text


def test_without_an_error_the_sd_decides() -> None:
    """Without a Monte Carlo error the last digit is the second of the posterior sd."""
    assert supported(4.41234, NAN, 1.7) == "4.4"
    assert supported(4.41234, NAN, 0.0172) == "4.412"


def test_a_constant_is_shown_with_four_digits() -> None:
    """A quantity without spread has no error, and four significant digits."""
    assert supported(1.23456, NAN, 0.0) == "1.235"


@given(
    st.floats(-1e6, 1e6, allow_nan=False).filter(lambda x: abs(x) > 1e-3),
    st.floats(1e-5, 1e3),
)
def test_rounding_costs_less_than_the_error(value: float, error: float) -> None:
    """What rounding takes away is never more than half the error's leading unit."""
    text = supported(value, error, 1.0).replace("−", "-")
    unit = 10 ** math.floor(math.log10(error))
    assert abs(float(text) - value) <= 0.5 * unit * (1 + 1e-6)


@pytest.mark.parametrize(
    ("value", "place", "text"),
    [
        (NAN, -2, "–"),
        (math.inf, 0, "∞"),
        (-math.inf, 0, "−∞"),
        (-0.001, -2, "0.00"),
        (-0.5, -1, "−0.5"),
        (2.4e12, 11, "2.4×10¹²"),
        (-3.14159e-9, -11, "−3.14×10⁻⁹"),
        (8.43087164, -8, "8.43087164"),
        (0.000123456, -9, "0.000123456"),
        (1e26, -2, "1.0000000000000000×10²⁶"),
    ],
)
def test_every_number_can_be_written(value: float, place: int, text: str) -> None:
    """Missing is a dash, infinity its sign, zero has no sign, and the extremes have powers.

    No number has more than the 17 digits that tell it from its neighbours.
    """
    assert to_place(value, place) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(0.001234, 3, "0.00123"), (1234.0, 2, "1200"), (9.996, 3, "10.0"), (0.0, 3, "0")],
)
def test_significant_digits(value: float, digits: int, text: str) -> None:
    """Significant digits count from the first that is not zero, after rounding."""
    assert significant(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.7, "0.7"),
        (400.0, "400"),
        (1.01, "1.01"),
        (8.75, "8.75"),
        (12345.0, "12345"),
        (1e10, "1×10¹⁰"),
    ],
)
def test_exact_numbers_have_no_idle_zeros(value: float, text: str) -> None:
    """A number without an error ends with its last digit, and whole ones stay whole."""
    assert exact(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0104, "1.0104"), (1.0096, "1.0096"), (1.0021, "1.002"), (1.01, "1.010"), (1.25, "1.250")],
)
def test_a_value_never_reads_as_on_the_other_side(value: float, text: str) -> None:
    """A value near its threshold gets digits until it reads as above, or as below."""
    assert beside(value, 1.01, 3) == text
    assert (float(text) > 1.01) == (value > 1.01)


def test_a_sample_size_is_rounded_down() -> None:
    """399.9 draws are not the 400 that are asked for."""
    assert [count(x) for x in (399.9, 400.0, NAN)] == ["399", "400", "–"]


def test_probability_never_says_zero_or_one() -> None:
    """A probability from draws is never shown as certain."""
    assert [probability(x) for x in (0.0, 1.0, 0.5, NAN)] == ["< 0.01", "> 0.99", "0.50", "–"]


def test_quantile_error_is_that_of_normal_draws() -> None:
    """The error of a 5 % quantile agrees with its spread over simulated samples (within 15 %)."""
    import numpy as np

    samples = np.random.default_rng(7).normal(0, 3, size=(2000, 400))
    spread = np.quantile(samples, 0.05, axis=1).std()
    assert quantile_error(3.0, 400, 0.05) == pytest.approx(spread, rel=0.15)
    assert math.isnan(quantile_error(0.0, 400, 0.05)) and math.isnan(quantile_error(1.0, NAN, 0.5))

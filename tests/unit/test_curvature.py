"""Standard errors by the curvature of a log density at its mode, against closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from stanchion.stats.curvature import (
    Curvature,
    curvature,
    distance_to_mode,
    final_steps,
    first_steps,
    points_about,
    slopes,
    standard_errors,
)

Floats = NDArray[np.float64]
Gradient = Callable[[Floats], Floats]
COVARIANCE = np.array([[4.0, 1.2, 0.0], [1.2, 1.0, -1e-4], [0.0, -1e-4, 1e-6]])


def normal(mean: Floats, covariance: Floats) -> Gradient:
    """The gradient of a multivariate normal log density, at rows of points."""
    inverse = np.linalg.inv(covariance)
    return lambda points: -(points - mean) @ inverse


def at(mode: Floats, gradient: Gradient) -> tuple[Curvature, Floats]:
    """Return the curvature as the sampling room makes it, and the last points."""
    steps = first_steps(mode)
    points = points_about(mode, steps)
    steps = final_steps(mode, steps, slopes(points, gradient(points)))
    coarse, points = points_about(mode, 2 * steps), points_about(mode, steps)
    bend = slopes(points, gradient(points))
    return curvature(bend, slopes(coarse, gradient(coarse)), steps), points


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("place", [0.0, 3.0])
def test_covariance_of_a_normal_is_its_own(scale: float, place: float) -> None:
    """Whatever the units, correlated parameters of unlike scales have their covariance back."""
    covariance = COVARIANCE * scale**2
    mode = np.full(3, place * scale)
    result, _ = at(mode, normal(mode, covariance))
    assert result.covariance is not None
    errors = np.sqrt(np.diagonal(covariance))
    np.testing.assert_allclose(
        result.covariance / np.outer(errors, errors),
        covariance / np.outer(errors, errors),
        atol=1e-7,
    )


def test_delta_method_is_that_of_the_derivative() -> None:
    """A scale's error is its value times that of its logarithm; a difference takes both."""
    covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    mode = np.array([0.5, -1.0])
    result, points = at(mode, normal(mode, covariance))
    assert result.covariance is not None
    values = np.column_stack([np.exp(points[:, 0]), points[:, 0] - points[:, 1]])
    errors = standard_errors(slopes(points, values), result.covariance)
    np.testing.assert_allclose(errors, [np.exp(0.5) * 0.2, np.sqrt(0.04 + 0.09 - 0.02)], rtol=1e-6)


def test_distance_is_in_standard_errors() -> None:
    """Of a normal log density the Newton decrement is the distance itself."""
    mean, covariance = np.array([1.0, 2.0]), np.diag([4.0, 0.25])
    point = mean + np.array([0.2, 0.0])
    gradient = normal(mean, covariance)(point[None])[0]
    assert distance_to_mode(gradient, covariance) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("gradient", "words", "worst"),
    [
        (lambda x: np.column_stack([-x[:, 0], x[:, 1]]), "does not fall", 1),
        (lambda x: np.column_stack([-x[:, 0], 0 * x[:, 1]]), "does not fall", 1),
        (lambda x: -np.column_stack([x.sum(1)] * 2) * 1.1, "is flat or does not fall", None),
        (lambda x: np.column_stack([-x[:, 0], np.log(x[:, 1])]), "is no number", None),
        (lambda x: np.column_stack([-x[:, 0], -np.sign(x[:, 1])]), "as at a bound", 1),
    ],
    ids=["saddle", "flat", "ridge", "undefined", "kink"],
)
def test_no_errors_where_there_is_no_curvature(
    gradient: Gradient, words: str, worst: int | None
) -> None:
    """A saddle, a flat parameter, a ridge, an undefined gradient and a kink give a reason."""
    with np.errstate(invalid="ignore", divide="ignore"):
        result, _ = at(np.zeros(2), gradient)
    assert result.covariance is None
    assert words in result.because
    assert worst is None or result.worst == worst


def test_mode_at_a_bound_has_no_error() -> None:
    """A scale that shrinks to zero: on its logarithm the density flattens out and never bends."""
    mode = np.array([0.0, -30.0])

    def gradient(points: Floats) -> Floats:
        return np.column_stack([-points[:, 0], -2 * np.exp(2 * points[:, 1])])

    with np.errstate(over="ignore"):
        result, _ = at(mode, gradient)
    assert result.covariance is None and result.worst == 1

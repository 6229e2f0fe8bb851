"""The curvature of a log density at a mode, from gradients about it, and standard errors of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_FIRST = float(np.finfo(np.float64).eps) ** (1 / 3)
"""The relative step that balances truncation and rounding of central differences: the cube root of
the rounding error (Press et al. 2007, Numerical Recipes, section 5.7)."""
_OF_AN_ERROR = 1e-3
"""The final step, in standard errors: the third derivative then moves the curvature by 1e-6 of what
it moves it within one error."""
_LONGEST = 0.1
"""The longest step, in standard errors, whose difference still is the curvature at the mode."""
_SMOOTH = 0.05
"""The share by which curvatures of two steps may differ."""
_ROUNDING = 64 * float(np.finfo(np.float64).eps)
_SINGULAR = 1e-8
"""The least eigenvalue, of the scaled Hessian, that its rounding errors are surely below."""


@dataclass(frozen=True)
class Curvature:
    """The covariance that a log density's curvature gives, `parameter × parameter`, None with why.

    `hessian` is that of the log density; `worst` is the parameter that spoils it, where one does.
    """

    hessian: Floats
    covariance: Floats | None
    because: str = ""
    worst: int | None = None


def points_about(mode: Floats, steps: Floats) -> Floats:
    """Return the points a step above and below in each parameter, `2 parameters × parameter`."""
    return np.concatenate([mode + np.diag(steps), mode - np.diag(steps)])


def slopes(points: Floats, values: Floats) -> Floats:
    """Return central differences, `parameter × value`, of values at `points_about` a mode."""
    size = points.shape[1]
    widths = np.diagonal(points[:size] - points[size:])
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray((values[:size] - values[size:]) / widths[:, None])


def first_steps(mode: Floats) -> Floats:
    """Return steps where nothing is known of the curvature yet."""
    return _FIRST * np.maximum(np.abs(mode), 1)


def final_steps(mode: Floats, steps: Floats, hessian: Floats) -> Floats:
    """Return steps in proportion to each parameter's standard error, given the others."""
    bend = -np.diagonal(hessian)
    with np.errstate(invalid="ignore", divide="ignore"):
        proportional = np.maximum(_OF_AN_ERROR / np.sqrt(bend), _ROUNDING * np.abs(mode))
    return np.where((bend > 0) & np.isfinite(proportional), proportional, steps)


def curvature(differences: Floats, coarser: Floats, steps: Floats) -> Curvature:
    """Return the covariance at a mode, the inverse of the negative Hessian.

    `differences` are the `slopes` of the gradient with these steps, `coarser` with twice of them:
    they differ by 1e-6 where the log density is smooth, and by half at a kink. Scaled to a unit
    diagonal, the negative Hessian must have eigenvalues above its rounding errors: what it is
    asymmetric by is one of them.
    """
    hessian = (differences + differences.T) / 2
    bend = -np.diagonal(hessian)
    if not np.isfinite(hessian).all():
        worst = int(np.argmin(np.isfinite(differences).all(axis=1)))
        return Curvature(hessian, None, "the gradient beside the mode is no number", worst)
    if (bend <= 0).any():
        return Curvature(hessian, None, _not_definite("does not fall"), int(np.argmin(bend)))
    errors = 1 / np.sqrt(bend)
    moved = np.abs(np.diagonal(coarser - differences)) / bend
    if not (moved <= _SMOOTH).all() or (steps > _LONGEST * errors).any():
        why = "the log density is not curved at the mode as it is beside it, as at a bound"
        return Curvature(hessian, None, why, int(np.argmax(np.maximum(moved, steps / errors))))
    scaled = -hessian * np.outer(errors, errors)
    rounding = np.abs(differences - differences.T) * np.outer(errors, errors)
    eigenvalues, vectors = np.linalg.eigh(scaled)
    if eigenvalues[0] <= max(_SINGULAR, 10 * float(rounding.max())):
        worst = int(np.argmax(np.abs(vectors[:, 0])))
        return Curvature(hessian, None, _not_definite("is flat or does not fall"), worst)
    inverse = (vectors / eigenvalues) @ vectors.T
    return Curvature(hessian, inverse * np.outer(errors, errors))


def standard_errors(derivatives: Floats, covariance: Floats) -> Floats:
    """Return the errors of values with `parameter × value` derivatives, by the delta method."""
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.einsum("iv,ij,jv->v", derivatives, covariance, derivatives))


def distance_to_mode(gradient: Floats, covariance: Floats) -> float:
    """Return how far a quadratic log density's mode is, in standard errors.

    The Newton decrement √(g′ (−H)⁻¹ g) (Boyd and Vandenberghe 2004, Convex Optimization, section
    9.5.1); it is the same on every scale of the parameters.
    """
    return float(np.sqrt(gradient @ covariance @ gradient))


def _not_definite(what: str) -> str:
    return f"the Hessian is not negative definite: the log density {what} along some direction"

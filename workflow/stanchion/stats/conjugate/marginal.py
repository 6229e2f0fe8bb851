"""Distributions of one number: exact moments, quantiles, and what a summary makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from stanchion.stats.conjugate.densities import log_dirichlet, log_gamma, log_inverse_gamma
from stanchion.stats.intervals import CENTRAL, interval_names

Floats = NDArray[np.float64]
_MAD_TO_SD = 1.482602218505602
_NEARLY_NORMAL = 1e8
_EDGE = 1e-13
_GRID = 256


class Marginal:
    """A continuous distribution. NaN is a moment that it does not have."""

    @property
    def mean(self) -> float:
        """The mean."""
        raise NotImplementedError

    @property
    def sd(self) -> float:
        """The standard deviation."""
        raise NotImplementedError

    def quantile(self, p: Any) -> Floats:
        """Return the values below which the distribution holds p, from 0 to 1."""
        raise NotImplementedError

    def log_density(self, x: float) -> float:
        """Return the logarithm of the density at x."""
        raise NotImplementedError

    def summary(self, intervals: Mapping[str, Any] | None = None) -> dict[str, float]:
        """Return the columns of summary.csv that have no Monte Carlo error.

        A number that the distribution does not have, or that no double can hold, is NaN.
        """
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            numbers = self._numbers(intervals)
        return {name: value if np.isfinite(value) else nan for name, value in numbers.items()}

    def _numbers(self, intervals: Mapping[str, Any] | None) -> dict[str, float]:
        lower, median, upper = (float(x) for x in self.quantile([0.05, 0.5, 0.95]))
        values = (self.mean, median, self.sd, self.median_deviation() * _MAD_TO_SD, lower, upper)
        numbers = dict(zip(("mean", "median", "sd", "mad", *CENTRAL), values, strict=True))
        if intervals is not None:
            kind = self.hdi if intervals["kind"] == "hdi" else self.eti
            numbers |= dict(zip(interval_names(intervals), kind(intervals["prob"]), strict=True))
        return numbers

    def median_deviation(self) -> float:
        """Return the median of the distance to the median.

        Half lies between the quantiles t and t + ½ for any t; the median lies in their middle for
        one.
        """
        centre = float(self.quantile(0.5))

        def skewness(t: float) -> float:
            lower, upper = self.quantile([t, t + 0.5])
            return float((upper - centre) - (centre - lower))

        ends = _EDGE, 0.5 - _EDGE
        sides = [skewness(t) for t in ends]
        if not (sides[0] <= 0 <= sides[1] and np.isfinite(sides).all()):
            return nan
        t = _root(skewness, *ends)
        return float(self.quantile(t + 0.5)) - centre

    def eti(self, prob: float) -> tuple[float, float]:
        """Return the interval with equal tails that holds this probability."""
        lower, upper = self.quantile([(1 - prob) / 2, (1 + prob) / 2])
        return float(lower), float(upper)

    def hdi(self, prob: float) -> tuple[float, float]:
        """Return the narrowest interval that holds this probability.

        Its ends have one density, unless it begins or ends where the distribution does.
        """
        tails = np.linspace(0, 1 - prob, _GRID + 1)
        with np.errstate(invalid="ignore"):
            widths = self.quantile(np.minimum(tails + prob, 1)) - self.quantile(tails)
        if np.isnan(widths).any():
            return nan, nan
        best = int(np.argmin(widths))
        t = float(tails[best])
        if 0 < best < _GRID:

            def slope(t: float) -> float:
                lower, upper = self.quantile([t, t + prob])
                return self.log_density(float(lower)) - self.log_density(float(upper))

            low, high = float(tails[best - 1]), float(tails[best + 1])
            low, high = max(low, _EDGE), min(high, 1 - prob - _EDGE)
            if slope(low) < 0 < slope(high):
                t = _root(slope, low, high)
        lower, upper = self.quantile([t, min(t + prob, 1.0)])
        return float(lower), float(upper)


@dataclass(frozen=True)
class Beta(Marginal):
    """Of a probability; of one part of a Dirichlet vector."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        """a / (a + b)."""
        return self.a / (self.a + self.b)

    @property
    def sd(self) -> float:
        """The root of m (1 − m) / (a + b + 1)."""
        total = self.a + self.b
        return sqrt(self.a / total * (self.b / total) / (total + 1))

    def quantile(self, p: Any) -> Floats:
        """Return quantiles, those near one from the other side.

        The incomplete beta function loses digits where both parameters are large; there the
        expansion of Cornish and Fisher (1938) errs by the power −3/2 of them, in standard
        deviations.
        """
        p = np.asarray(p, np.float64)
        if min(self.a, self.b) >= _NEARLY_NORMAL:
            return self._nearly_normal(p)
        lower = np.asarray(special.betaincinv(self.a, self.b, p))
        return np.where(lower <= 0.5, lower, 1 - special.betaincinv(self.b, self.a, 1 - p))

    def log_density(self, x: float) -> float:
        """Return that of a Dirichlet vector of two."""
        if not 0 < x < 1:
            return -inf if min(self.a, self.b) >= 1 else inf
        return float(log_dirichlet([x, 1 - x], [self.a, self.b]))

    def _nearly_normal(self, p: Floats) -> Floats:
        a, b, total = self.a, self.b, self.a + self.b
        skewness = 2 * ((b - a) / (total + 2)) * sqrt((total + 1) / a / b)
        kurtosis = 6 * ((a / b + b / a - 2) * (total + 1) - total - 2) / (total + 2) / (total + 3)
        z = special.ndtri(p)
        with np.errstate(invalid="ignore"):
            expanded = (
                z
                + skewness * (z**2 - 1) / 6
                + kurtosis * (z**3 - 3 * z) / 24
                - skewness**2 * (2 * z**3 - 5 * z) / 36
            )
            return np.clip(np.where(np.isinf(z), z, self.mean + self.sd * expanded), 0, 1)


@dataclass(frozen=True)
class Gamma(Marginal):
    """Of a rate: by shape and rate."""

    shape: float
    rate: float

    @property
    def mean(self) -> float:
        """Shape over rate."""
        return self.shape / self.rate

    @property
    def sd(self) -> float:
        """The root of the shape over the rate."""
        return sqrt(self.shape) / self.rate

    def quantile(self, p: Any) -> Floats:
        """Return quantiles by the incomplete gamma function."""
        return np.asarray(special.gammaincinv(self.shape, p)) / self.rate

    def log_density(self, x: float) -> float:
        """Return the log density by shape and rate."""
        if x <= 0:
            return -inf if self.shape >= 1 else inf
        return float(log_gamma(x, self.shape, self.rate))


@dataclass(frozen=True)
class Normal(Marginal):
    """Of a mean whose variance is known."""

    location: float
    scale: float

    @property
    def mean(self) -> float:
        """The location."""
        return self.location

    @property
    def sd(self) -> float:
        """The scale."""
        return self.scale

    def quantile(self, p: Any) -> Floats:
        """Return quantiles of the normal distribution."""
        return self.location + self.scale * np.asarray(special.ndtri(p))

    def log_density(self, x: float) -> float:
        """Return the log density, up to a constant."""
        return -(((x - self.location) / self.scale) ** 2) / 2


@dataclass(frozen=True)
class StudentT(Marginal):
    """Of a mean or a coefficient whose variance is not known."""

    df: float
    location: float
    scale: float

    @property
    def mean(self) -> float:
        """The location, from more than one degree of freedom on."""
        return self.location if self.df > 1 else nan

    @property
    def sd(self) -> float:
        """Finite from more than two degrees of freedom on."""
        return self.scale * sqrt(self.df / (self.df - 2)) if self.df > 2 else nan

    def quantile(self, p: Any) -> Floats:
        """Return quantiles of Student's t."""
        p = np.asarray(p, np.float64)
        inner = special.stdtrit(self.df, np.where((p > 0) & (p < 1), p, 0.5))
        standard = np.where(p <= 0, -inf, np.where(p >= 1, inf, inner))
        return self.location + self.scale * standard

    def log_density(self, x: float) -> float:
        """Return the log density, up to a constant."""
        return float(
            -(self.df + 1) / 2 * np.log1p(((x - self.location) / self.scale) ** 2 / self.df)
        )


@dataclass(frozen=True)
class InverseGamma(Marginal):
    """Of a variance: by shape and scale."""

    shape: float
    scale: float

    @property
    def mean(self) -> float:
        """Finite for a shape above one."""
        return self.scale / (self.shape - 1) if self.shape > 1 else nan

    @property
    def sd(self) -> float:
        """Finite for a shape above two."""
        return self.mean / sqrt(self.shape - 2) if self.shape > 2 else nan

    def quantile(self, p: Any) -> Floats:
        """Return quantiles by the incomplete gamma function."""
        with np.errstate(divide="ignore"):
            return self.scale / np.asarray(special.gammainccinv(self.shape, p))

    def log_density(self, x: float) -> float:
        """Return the log density by shape and scale."""
        return float(log_inverse_gamma(x, self.shape, self.scale)) if 0 < x < inf else -inf


@dataclass(frozen=True)
class RootInverseGamma(Marginal):
    """Of a standard deviation whose square has an inverse gamma distribution."""

    shape: float
    scale: float

    @cached_property
    def _square(self) -> InverseGamma:
        return InverseGamma(self.shape, self.scale)

    @property
    def mean(self) -> float:
        """√scale Γ(shape − ½) / Γ(shape), for a shape above ½."""
        if self.shape <= 0.5:
            return nan
        return sqrt(self.scale) / float(special.poch(self.shape - 0.5, 0.5))

    @property
    def sd(self) -> float:
        """Finite for a shape above one; by a series where the squared mean takes all digits.

        With x = shape − 1 the square of Γ(x + 1) / Γ(x + ½) is x + ¼ + 1/32x − 1/128x² − 5/2048x³
        (Watson 1959, "A note on gamma functions").
        """
        if self.shape <= 1:
            return nan
        x = self.shape - 1
        if x < 1000:
            ratio = float(special.poch(self.shape - 0.5, 0.5)) ** 2
            excess = ratio - x
        else:
            excess = 1 / 4 + 1 / (32 * x) - 1 / (128 * x * x) - 5 / (2048 * x**3)
            ratio = x + excess
        return sqrt(self.scale * excess / x / ratio)

    def quantile(self, p: Any) -> Floats:
        """Return the roots of the quantiles of the square."""
        return np.sqrt(self._square.quantile(p))

    def log_density(self, x: float) -> float:
        """Return the log density, up to a constant."""
        return self._square.log_density(x * x) + float(np.log(x)) if 0 < x < inf else -inf


def _root(function: Any, low: float, high: float) -> float:
    return float(optimize.brentq(function, low, high, xtol=1e-15, rtol=1e-15))

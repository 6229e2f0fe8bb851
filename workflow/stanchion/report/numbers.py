"""Numbers as a reader should see them: no digit that the Monte Carlo error does not support."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from math import floor, isfinite, isnan, log10, sqrt
from statistics import NormalDist

MISSING = "–"
_MINUS = "\N{MINUS SIGN}"
_NORMAL = NormalDist()
_LARGEST_FIXED, _SMALLEST_FIXED = 7, -6
_LEAST_FIXED = -4
_MOST_DIGITS = 17
"""What tells any two floating-point numbers apart; more are none of the number's."""
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def quantile_error(sd: float, ess: float, probability: float) -> float:
    """Return a quantile's Monte Carlo standard error, with the density of a normal at its place.

    The asymptotic error √(p(1 − p)/ESS)/f(q) of a sample quantile (Vehtari et al. 2021, section 4,
    doi:10.1214/20-BA1221); NaN where sd or ESS is none.
    """
    if not (sd > 0 and ess > 0):
        return float("nan")
    density = _NORMAL.pdf(_NORMAL.inv_cdf(probability)) / sd
    return sqrt(probability * (1 - probability) / ess) / density


def supported(value: float, error: float, sd: float) -> str:
    """Return a posterior quantity with the digits that its Monte Carlo standard error supports.

    The last digit stands where the error has its first; without an error, where the posterior sd
    has its second; without either, there are four significant digits.
    """
    for scale, further in ((error, 0), (sd, 1)):
        if isfinite(scale) and scale > 0:
            return to_place(value, _exponent(scale) - further)
    return significant(value, 4)


def significant(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits."""
    if not isfinite(value) or value == 0:
        return to_place(value, 0)
    return to_place(value, _exponent(float(f"{value:.{digits - 1}e}")) - digits + 1)


def exact(value: float, digits: int = 4) -> str:
    """Return a number that has no error: at most so many significant digits, no idle zeros."""
    if not isfinite(value) or value == 0:
        return to_place(value, 0)
    mantissa, power = f"{abs(value):.{digits - 1}e}".split("e")
    idle = len(mantissa) - len(mantissa.rstrip("0"))
    place = int(power) - digits + 1 + min(idle, digits - 1)
    return to_place(value, place if int(power) >= _LARGEST_FIXED else min(place, 0))


def decimals(value: float, places: int) -> str:
    """Return a number with so many decimals."""
    return to_place(value, -places)


def beside(value: float, threshold: float, places: int) -> str:
    """Return a number with so many decimals, or as many more as show its side of the threshold."""
    if isfinite(value) and isfinite(threshold):
        for more in range(places, 15):
            if _side(round(value, more), threshold) == _side(value, threshold):
                return decimals(value, more)
    return decimals(value, places)


def count(value: float) -> str:
    """Return a size rounded down, so that one below a whole threshold never reads as reached."""
    return to_place(floor(value), 0) if isfinite(value) else to_place(value, 0)


def probability(value: float) -> str:
    """Return a probability with two decimals that are never a rounded 0 or 1."""
    if value < 0.005:
        return "< 0.01"
    if value > 0.995:
        return "> 0.99"
    return decimals(value, 2)


def to_place(value: float, place: int) -> str:
    """Return a number whose last digit stands for 10^place; a dash for NaN."""
    if isnan(value):
        return MISSING
    if not isfinite(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    place = place if value == 0 else max(place, _exponent(value) - _MOST_DIGITS + 1)
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(place), ROUND_HALF_EVEN)
    if not rounded:
        return f"{0:.{min(max(-place, 0), -_SMALLEST_FIXED)}f}"
    is_small = place < _SMALLEST_FIXED and rounded.adjusted() < _LEAST_FIXED
    if rounded.adjusted() >= _LARGEST_FIXED or is_small:
        mantissa, power = f"{rounded:.{max(rounded.adjusted() - place, 0)}e}".split("e")
        text = f"{mantissa}×10{str(int(power)).translate(_RAISED)}"
    else:
        text = f"{rounded:f}"
    return text.replace("-", _MINUS)


def _exponent(value: float) -> int:
    return floor(log10(abs(value)))


def _side(value: float, threshold: float) -> int:
    return (value > threshold) - (value < threshold)

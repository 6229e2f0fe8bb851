"""Effective sample size of chains as they stand (`columns × chain × draw`).

Equations 9 to 13 of Vehtari et al. (2021), doi:10.1214/20-BA1221: autocorrelations over all chains,
summed by pairs as far as they stay positive and made monotone (Geyer's initial sequence).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_FIRST_LAGS = 12
"""Most chains need no more lags, and these cost a third of a Fourier transform."""


def ess(chains: Floats) -> Floats:
    """Return the effective sample size of each column's mean.

    A column without variance counts as independent: the indicator of a quantile that no draw
    exceeds is one.
    """
    number, draws = chains.shape[1:]
    if draws < 2:
        return np.full(len(chains), np.nan)
    means = chains.mean(2)
    between = means.var(1, ddof=1) if number > 1 else np.zeros(len(chains))
    centred = chains - means[:, :, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        near = _nearest_lags(centred, min(_FIRST_LAGS, draws))
        time, complete = _correlation_time(near, between, draws)
        varies = near[:, 0] + between > 0
        if not complete.all():
            all_lags = _every_lag(centred[~complete])
            time[~complete] = _correlation_time(all_lags, between[~complete], draws)[0]
    size = number * draws
    return np.where(varies, size / np.maximum(time, 1 / np.log10(size)), size)


def _correlation_time(
    covariance: Floats, between: Floats, draws: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the integrated autocorrelation time, and whether these lags were enough to know it."""
    unbiased = covariance[:, :1] * draws / (draws - 1)
    correlation = 1 - (unbiased - covariance) / (covariance[:, 0] + between)[:, None]
    correlation[:, 0] = 1

    last = max((draws - 3) // 2, 0)
    pairs_known = min(covariance.shape[1] // 2 - 1, last)
    even = correlation[:, 0 : 2 * pairs_known + 1 : 2]
    pairs = even + correlation[:, 1 : 2 * pairs_known + 2 : 2]
    negative = ~(pairs > 0)
    ended = negative.any(1)
    end = np.where(ended, negative.argmax(1), pairs_known)[:, None]
    monotone = np.minimum.accumulate(pairs, axis=1)
    time = -1 + 2 * np.sum(monotone, axis=1, where=np.arange(pairs_known + 1) < end)
    time += np.maximum(np.take_along_axis(even, end, axis=1)[:, 0], 0)
    return time, ended | (pairs_known == last)


def _nearest_lags(centred: Floats, lags: int) -> Floats:
    """Return the autocovariance at the first lags, averaged over chains (`columns × lag`)."""
    number, draws = centred.shape[1:]
    products = [
        np.vecdot(centred[:, :, : draws - lag], centred[:, :, lag:]).sum(1) for lag in range(lags)
    ]
    return np.stack(products, axis=1) / (number * draws)


def _every_lag(centred: Floats) -> Floats:
    """Return the autocovariance at all lags, by a Fourier transform (`columns × lag`)."""
    number, draws = centred.shape[1:]
    length = _fast_length(2 * draws)
    spectrum = np.fft.rfft(centred, length)
    power = (spectrum.real**2 + spectrum.imag**2).sum(1)
    return np.fft.irfft(power, length)[:, :draws] / (number * draws)


def _fast_length(least: int) -> int:
    """Return the smallest 2^a·3^b·5^c that is at least this."""
    powers = range(least.bit_length())
    odd = (3**b * 5**c for b in powers for c in powers)
    return min(f << (-(-least // f) - 1).bit_length() for f in odd if f < 2 * least)

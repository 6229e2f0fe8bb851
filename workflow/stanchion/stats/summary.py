"""One row of numbers for each scalar: where it lies, how sure that is, and how well it mixed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from arviz_stats.base import array_stats
from numpy.typing import NDArray

from stanchion.stats.convergence import Block, mixing, monte_carlo_errors
from stanchion.stats.intervals import CENTRAL, interval_names
from stanchion.stats.ranks import median, quantile

Floats = NDArray[np.float64]
Numbers = dict[str, NDArray[Any]]
LOCATION = ("mean", "median", "sd", "mad", *CENTRAL)
SAMPLING = ("mcse_mean", "mcse_sd", "ess_bulk", "ess_tail", "rhat")
_BLOCK = 32
_MAD_TO_SD = 1.482602218505602


def by_blocks(
    measure: Callable[[Floats], Numbers], draws: Floats, columns: Sequence[int] | None = None
) -> Numbers:
    """Measure `chain × draw × columns` by blocks of `columns × chain × draw`, in threads.

    A block fits a core's cache, and NumPy leaves the interpreter's lock while it sorts and
    multiplies, so threads suffice and no draw is copied to another process.
    """
    indices = np.arange(draws.shape[2]) if columns is None else np.asarray(columns, dtype=np.intp)

    def of_block(start: int) -> Numbers:
        block = draws[:, :, indices[start : start + _BLOCK]]
        return measure(np.ascontiguousarray(np.moveaxis(block, 2, 0), dtype=np.float64))

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        parts = list(threads.map(of_block, range(0, max(len(indices), 1), _BLOCK)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def summarise(
    draws: Floats, columns: Sequence[int], *, sampled: bool, intervals: Mapping[str, Any] | None
) -> Numbers:
    """Return summary.csv's numbers of some columns of `chain × draw × columns`, in their order.

    `mad` is the median absolute deviation times 1.4826, the standard deviation of a normal
    distribution with that deviation, as in R's posterior. `q5` and `q95` are equal-tailed. Declared
    `intervals` {prob, kind} add two columns, such as `hdi90_lower` and `hdi90_upper`. Where the
    draws are not sampled by chains (an approximation), errors, sample sizes and R-hat are NaN; a
    column with NaN among its draws has no numbers at all: a sort would take NaN for the largest.
    """
    measure = partial(_of_block, sampled=sampled, intervals=intervals)
    return by_blocks(measure, draws, columns)


def hdi(ordered: Floats, prob: float) -> tuple[Floats, Floats]:
    """Return the narrowest interval of each sorted row that holds this share of the draws."""
    lower, upper = array_stats.hdi(ordered, prob).T
    return lower, upper


def eti(ordered: Floats, prob: float) -> tuple[Floats, Floats]:
    """Return the equal-tailed interval of each sorted row."""
    return quantile(ordered, (1 - prob) / 2), quantile(ordered, (1 + prob) / 2)


def _of_block(draws: Floats, *, sampled: bool, intervals: Mapping[str, Any] | None) -> Numbers:
    block = Block.of(draws)
    with np.errstate(invalid="ignore", over="ignore"):
        numbers = _location(block)
        if intervals is not None:
            kind = hdi if intervals["kind"] == "hdi" else eti
            both = kind(block.ordered, intervals["prob"])
            ends = (np.where(np.isnan(block.ordered[:, -1]), np.nan, end) for end in both)
            numbers |= dict(zip(interval_names(intervals), ends, strict=True))
    return numbers | (_sampling(block) if sampled else _not_sampled(len(draws)))


def _location(block: Block) -> Numbers:
    flat = block.draws.reshape(block.ordered.shape)
    centre = median(block.ordered)
    spread = np.sort(np.abs(block.ordered - centre[:, None]), axis=1)
    size = block.ordered.shape[1]
    sd = flat.std(axis=1, ddof=1) if size > 1 else np.full(len(flat), np.nan)
    values = (
        flat.mean(axis=1),
        centre,
        sd,
        median(spread) * _MAD_TO_SD,
        quantile(block.ordered, 0.05),
        quantile(block.ordered, 0.95),
    )
    return {
        name: np.where(np.isnan(block.ordered[:, -1]), np.nan, numbers)
        for name, numbers in zip(LOCATION, values, strict=True)
    }


def _sampling(block: Block) -> Numbers:
    mixed = mixing(block)
    values = (*monte_carlo_errors(block), mixed.ess_bulk, mixed.ess_tail, mixed.rhat)
    return dict(zip(SAMPLING, values, strict=True))


def _not_sampled(columns: int) -> Numbers:
    return {name: np.full(columns, np.nan) for name in SAMPLING}

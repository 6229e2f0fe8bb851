"""The numbers that checks are made of: those of a fit or a prior, and those of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.checks.agreement import Agreement
from stanchion.checks.row import SHOWN, Each, Skipped, Value, at_most
from stanchion.checks.scan import Findings
from stanchion.checks.switch import Switch
from stanchion.draws.attempts import Attempts
from stanchion.draws.modes import Modes
from stanchion.draws.naming import variable_of
from stanchion.draws.paths import Paths

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Sampler:
    """What the sampler said of each draw (`chain × draw`); None where it does not say it."""

    diverging: Flags | None = None
    energy: Floats | None = None
    saturated: Flags | None = None
    is_external: bool = False
    """Whether it is another program's, which need not say all of that."""

    @classmethod
    def of(cls, stats: Mapping[str, NDArray[Any]], *, is_external: bool = False) -> Sampler:
        """Take them from sample_stats, under ArviZ's names."""
        saturated = stats.get("reached_max_treedepth")
        return cls(stats.get("diverging"), stats.get("energy"), saturated, is_external)


@dataclass(frozen=True)
class Generated:
    """Generated quantities: their scalars, each with the share of draws in which it has no value.

    `used` are the variables that something declared is computed from, `messages` the sampler's.
    """

    shares: Sequence[tuple[Sequence[str], Floats]] = ()
    used: Sequence[str] = ()
    messages: Sequence[str] = ()

    def is_used(self, scalar: str) -> bool:
        """Tell whether something declared is computed from the scalar's variable."""
        return variable_of(scalar) in self.used


@dataclass(frozen=True)
class Source:
    """The fit whose draws another takes: its method, its verdict, and the checks that made it."""

    method: str
    verdict: str
    checks: Sequence[str]


@dataclass(frozen=True)
class FitNumbers:
    """The numbers of a fit, or of draws from a prior; None is what its method does not give.

    `khat` is that of log_p − log_q of an approximation's raw draws, `resampled` whether the draws
    were resampled by it.
    """

    names: Sequence[str]
    columns: Findings
    chains: int
    sampler: Sampler = Sampler()
    generated: Generated = Generated()
    khat: float = nan
    resampled: bool = True
    agreement: Agreement | None = None
    paths: Paths | None = None
    switch: Switch | None = None
    attempts: Attempts | None = None
    nested_rhat: Floats | None = None
    source: Source | None = None
    modes: Modes | None = None

    @property
    def needed(self) -> bool:
        """Whether anything was sampled, so that there must be something to judge."""
        return bool(self.columns.sampled.any())

    def each(self, values: Floats) -> Each:
        """Return a value of each quantity that varies."""
        return Each(self.names, values, self.columns.judged, self.needed)

    def each_chain(self, values: Floats) -> Each:
        """Return a value of each chain."""
        names = [f"chain {chain + 1}" for chain in range(self.chains)]
        return Each(names, values, np.isfinite(values) | self.needed, self.needed)

    def flagged(self, flags: Flags) -> Value:
        """Return how many quantities are flagged, and their names."""
        return Value(int(flags.sum()), named(self.names, flags))

    def draws_flagged(self, flags: Flags | None) -> Value | Skipped | None:
        """Return how many draws (`chain × draw`) are flagged, and in which chains.

        A sampler that says nothing of draws that it made leaves it unknown.
        """
        if flags is None:
            return self.unsaid()
        by_chain = flags.sum(axis=1)
        where = tuple(f"chain {c + 1}: {n}" for c, n in enumerate(by_chain) if n)[:SHOWN]
        return Value(int(flags.sum()), where, total=flags.size)

    def unsaid(self) -> Value | Skipped | None:
        """Return what to make of something that the sampler does not say: nothing, or unknown."""
        if self.sampler.is_external:
            return Skipped("not checked, because the program that drew does not say it")
        return Value(nan) if self.needed else None


@dataclass(frozen=True)
class ComparisonNumbers:
    """What the comparison of the fits of one dataset stands on.

    `unlike` says where they are not of the same observations, `left_out` why models are; `khat` is
    by fit how many k̂ of LOO are bad, and of how many.
    """

    unlike: Sequence[str]
    declared: Sequence[str]
    compared: Sequence[str]
    left_out: Mapping[str, str]
    khat: Mapping[str, tuple[int, int]]


def named(names: Sequence[str], flags: Flags) -> tuple[str, ...]:
    """Return the flagged names, at most ten, the last of them a count of the rest."""
    return at_most([names[index] for index in np.flatnonzero(flags).tolist()])

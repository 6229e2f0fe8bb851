"""What samplers by Hamiltonian Monte Carlo have in common: chains that adapt, and their checks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar

from stanchion.checks.verdicts import OnFail
from stanchion.methods.fields import SAVING
from stanchion.methods.method import Method, Misfit, without_parameters
from stanchion.stan.command import number
from stanchion.stan.rows import Rows

if TYPE_CHECKING:
    from stanchion.stan.program import Program

FEWEST_DRAWS = 4
"""Of a chain: fewer leave split R-hat and effective sample size undefined, here as in ArviZ."""


class Hamiltonian(Method):
    """A sampler of Markov chains. A subclass has the settings below, and `engine`."""

    if TYPE_CHECKING:
        chains: int
        warmup: int
        thin: int
        adapt_delta: float
        metric: str
        init: float | str | None
        threads_per_chain: int

    default_on_fail: ClassVar[OnFail] = "stop"
    is_reference: ClassVar[bool] = True
    is_markov: ClassVar[bool] = True
    keeps: ClassVar[frozenset[str]] = frozenset({"warmup", "metric"})
    unkeyed: ClassVar[frozenset[str]] = frozenset({"threads_per_chain", *SAVING})
    fewest_draws: ClassVar[int] = FEWEST_DRAWS
    fewest_because: ClassVar[str] = "a chain needs for R-hat and effective sample size"

    @property
    def jobs(self) -> int:
        """A job a chain."""
        return self.chains

    @property
    def threads(self) -> int:
        """Those within a chain."""
        return self.threads_per_chain

    @property
    def start(self) -> float | str | None:
        """The declared `init`."""
        return self.init

    @property
    def engine(self) -> Sequence[str]:
        """The words that choose and set what proposes the next draw."""
        raise NotImplementedError

    @property
    def step_size(self) -> Sequence[str]:
        """The words that set the step size, behind those of the metric; none for CmdStan's."""
        return ()

    def command(self, keep: Collection[str] = ()) -> list[str]:
        """Return the words for one chain, a process of its own."""
        return [
            "method=sample",
            f"num_samples={self.draws}",
            f"num_warmup={self.warmup}",
            f"save_warmup={int('warmup' in keep)}",
            f"thin={self.thin}",
            "adapt",
            "engaged=1",
            f"delta={number(self.adapt_delta)}",
            "algorithm=hmc",
            *self.engine,
            f"metric={self.metric}",
            *self.step_size,
            "num_chains=1",
        ]

    def rows(self, keep: Collection[str] = ()) -> Rows:
        """Return every so many-th draw, the first included; so of the warm-up before them."""
        warmup = self.warmup if "warmup" in keep else 0
        return Rows(-(-self.draws // self.thin), before=-(-warmup // self.thin))

    def misfit(self, program: Program) -> Misfit | None:
        """Ask for a parameter: without one there is no posterior, and no check of its sampling."""
        return without_parameters(program, "sample")

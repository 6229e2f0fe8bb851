"""NUTS: Hoffman and Gelman (2014), JMLR 15: 1593-1623, as CmdStan has it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from stanchion.checks.catalogue import OF_SAMPLED
from stanchion.checks.verdicts import OnFail
from stanchion.methods.fields import (
    METHOD_WORDS,
    SAVING,
    Checkpoint,
    Init,
    KeepState,
    MethodModels,
    MethodOnFail,
    MethodSeed,
    ResumeElsewhere,
    TimeLimit,
)
from stanchion.methods.method import Method, Misfit, without_parameters
from stanchion.schema.fields import Count
from stanchion.stan.command import number
from stanchion.stan.rows import Rows

if TYPE_CHECKING:
    from stanchion.stan.program import Program

FEWEST_DRAWS = 4
"""Of a chain: fewer leave split R-hat and effective sample size undefined, here as in ArviZ."""


class Nuts(Method):
    """The No-U-Turn sampler, `method: nuts`."""

    checks: ClassVar[tuple[str, ...]] = OF_SAMPLED
    default_on_fail: ClassVar[OnFail] = "stop"
    is_reference: ClassVar[bool] = True
    is_markov: ClassVar[bool] = True
    keeps: ClassVar[frozenset[str]] = frozenset({"warmup", "metric"})
    unkeyed: ClassVar[frozenset[str]] = frozenset({"threads_per_chain", *SAVING})
    fewest_draws: ClassVar[int] = FEWEST_DRAWS
    fewest_because: ClassVar[str] = "a chain needs for R-hat and effective sample size"

    method: Literal["nuts"] = Field(default="nuts", description=METHOD_WORDS)
    chains: Count = Field(default=4, description="Chains.")
    warmup: Count = Field(default=1000, description="Warmup iterations of a chain.")
    draws: Count = Field(
        default=1000, description="Iterations of a chain after warmup, before thinning."
    )
    thin: Count = Field(default=1, description="Keep every so many-th draw.")
    adapt_delta: float = Field(
        default=0.8, description="Target acceptance statistic of the adaptation.", ge=0.1, lt=1
    )
    max_treedepth: Count = Field(default=10, description="Greatest depth of a trajectory's tree.")
    metric: Literal["diag_e", "dense_e", "unit_e"] = Field(
        default="diag_e", description="Form of the mass matrix."
    )
    init: Init = None
    threads_per_chain: Count = Field(default=1, description="Threads within a chain.")
    models: MethodModels = None
    seed: MethodSeed = None
    checkpoint: Checkpoint = 60
    keep_state: KeepState = True
    resume_elsewhere: ResumeElsewhere = False
    time_limit: TimeLimit = None
    on_fail: MethodOnFail = None

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
            "engine=nuts",
            f"max_depth={self.max_treedepth}",
            f"metric={self.metric}",
            "num_chains=1",
        ]

    def rows(self, keep: Collection[str] = ()) -> Rows:
        """Return every so many-th draw, the first included; so of the warm-up before them."""
        warmup = self.warmup if "warmup" in keep else 0
        return Rows(-(-self.draws // self.thin), before=-(-warmup // self.thin))

    def misfit(self, program: Program) -> Misfit | None:
        """Ask for a parameter: without one there is no posterior, and no check of its sampling."""
        return without_parameters(program, "sample")

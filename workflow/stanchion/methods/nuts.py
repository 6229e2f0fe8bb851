"""NUTS: Hoffman and Gelman (2014), JMLR 15: 1593-1623, as CmdStan has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from stanchion.checks.catalogue import OF_SAMPLED
from stanchion.methods.fields import (
    METHOD_WORDS,
    AdaptDelta,
    ChainInit,
    Chains,
    Checkpoint,
    InitTries,
    Iterations,
    KeepState,
    MethodModels,
    MethodOnFail,
    MethodSeed,
    Metric,
    MetricFrom,
    ResumeElsewhere,
    Superchains,
    Thin,
    Threads,
    TimeLimit,
    Warmup,
)
from stanchion.methods.hamiltonian import Hamiltonian
from stanchion.methods.until import DeclaredUntil, MaxDraws
from stanchion.schema.fields import Count


class Nuts(Hamiltonian):
    """The No-U-Turn sampler, `method: nuts`."""

    checks: ClassVar[tuple[str, ...]] = OF_SAMPLED

    method: Literal["nuts"] = Field(default="nuts", description=METHOD_WORDS)
    chains: Chains = 4
    superchains: Superchains = None
    warmup: Warmup = 1000
    draws: Iterations = 1000
    until: DeclaredUntil = None
    max_draws: MaxDraws = None
    thin: Thin = 1
    adapt_delta: AdaptDelta = 0.8
    max_treedepth: Count = Field(default=10, description="Greatest depth of a trajectory's tree.")
    metric: Metric = "diag_e"
    metric_from: MetricFrom = None
    init: ChainInit = None
    init_tries: InitTries = 1
    threads_per_chain: Threads = 1
    models: MethodModels = None
    seed: MethodSeed = None
    checkpoint: Checkpoint = 60
    keep_state: KeepState = True
    resume_elsewhere: ResumeElsewhere = False
    time_limit: TimeLimit = None
    on_fail: MethodOnFail = None

    @property
    def engine(self) -> Sequence[str]:
        """A trajectory that ends where it would turn back, or at the greatest depth."""
        return ["engine=nuts", f"max_depth={self.max_treedepth}"]

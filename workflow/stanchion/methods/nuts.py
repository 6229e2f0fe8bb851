"""NUTS: Hoffman and Gelman (2014), JMLR 15: 1593-1623, as CmdStan has it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

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
from stanchion.methods.repair import DivergenceRepair, SaturationRepair, StuckRepair
from stanchion.methods.until import DeclaredUntil, MaxDraws
from stanchion.schema.fields import Count, refused

FEWEST_SIBLINGS = 2


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
    on_divergence: DivergenceRepair = None
    on_saturation: SaturationRepair = None
    on_stuck: StuckRepair = None
    threads_per_chain: Threads = 1
    models: MethodModels = None
    seed: MethodSeed = None
    checkpoint: Checkpoint = 60
    keep_state: KeepState = True
    resume_elsewhere: ResumeElsewhere = False
    time_limit: TimeLimit = None
    on_fail: MethodOnFail = None

    @model_validator(mode="after")
    def _refits_deeper(self) -> Self:
        if self.on_saturation and self.on_saturation.max_treedepth <= self.max_treedepth:
            raise refused(
                f"a refit with max_treedepth {self.on_saturation.max_treedepth} after one with "
                f"{self.max_treedepth} mends nothing",
                at=["on_saturation", "max_treedepth"],
                value=self.on_saturation.max_treedepth,
                allowed=f"a whole number above {self.max_treedepth}, at most 30",
                todo="raise it, or lower the max_treedepth of the method",
            )
        return self

    @model_validator(mode="after")
    def _has_siblings(self) -> Self:
        if self.on_stuck is None:
            return self
        if self.chains < FEWEST_SIBLINGS:
            raise refused(
                "a chain is stuck where its siblings are not, and this one has none",
                at=["on_stuck"],
                value=self.on_stuck,
                todo=f"declare {FEWEST_SIBLINGS} chains or more, or remove on_stuck",
            )
        if self.superchains is not None:
            raise refused(
                "a chain that is started anew leaves its superchain",
                at=["on_stuck"],
                value=self.on_stuck,
                todo="remove on_stuck, or superchains",
            )
        return self

    @property
    def restarts_stuck(self) -> bool:
        """Whether a chain that is stuck is started anew."""
        return self.on_stuck is not None

    def saves_warmup(self, keep: Collection[str]) -> bool:
        """Tell whether the draws of the warm-up are in the Stan CSVs; so they are to be counted."""
        return self.restarts_stuck or super().saves_warmup(keep)

    @property
    def refits_after_saturation(self) -> bool:
        """Whether a greater depth is declared for trajectories that were cut short."""
        return self.on_saturation is not None

    @property
    def greatest_depth(self) -> int | None:
        """The `max_treedepth`."""
        return self.max_treedepth

    def after_saturation(self) -> Self | None:
        """Return NUTS with deeper trees, where that is declared and has not been tried."""
        if self.on_saturation is None:
            return None
        depth = self.on_saturation.max_treedepth
        return self.model_copy(update={"max_treedepth": depth, "on_saturation": None})

    @property
    def engine(self) -> Sequence[str]:
        """A trajectory that ends where it would turn back, or at the greatest depth."""
        return ["engine=nuts", f"max_depth={self.max_treedepth}"]

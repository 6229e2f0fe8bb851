"""Static HMC: Neal (2011), Handbook of Markov Chain Monte Carlo, chapter 5, as CmdStan has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import pi
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
from stanchion.methods.repair import DivergenceRepair
from stanchion.methods.until import DeclaredUntil, MaxDraws
from stanchion.schema.fields import Positive
from stanchion.stan.command import number


class Hmc(Hamiltonian):
    """Hamiltonian Monte Carlo whose trajectories all take the same time, `method: hmc`.

    CmdStan names no divergences of it: a proposal counts as one where its acceptance probability is
    zero in double precision.
    """

    checks: ClassVar[tuple[str, ...]] = tuple(name for name in OF_SAMPLED if name != "treedepth")

    advice: ClassVar[Mapping[str, str]] = {
        name: f"{words} Trajectories may come back to where they began: set `stepsize_jitter` to "
        "0.5, or another `int_time`; run longer (`warmup`, `draws`), or use NUTS."
        for name, words in {
            "rhat": "The chains disagree.",
            "ess_bulk": "Too few independent draws for the centre.",
            "ess_tail": "Too few independent draws for the tails, so intervals are unsure.",
        }.items()
    }

    method: Literal["hmc"] = Field(default="hmc", description=METHOD_WORDS)
    chains: Chains = 4
    superchains: Superchains = None
    warmup: Warmup = 1000
    draws: Iterations = 1000
    until: DeclaredUntil = None
    max_draws: MaxDraws = None
    thin: Thin = 1
    adapt_delta: AdaptDelta = 0.8
    int_time: Positive = Field(
        default=2 * pi,
        description="Integration time of a trajectory, of which the step size makes leapfrog "
        "steps. At CmdStan's 2π the trajectories of a normal posterior come back to where they "
        "began: vary them by `stepsize_jitter`, or take another time.",
    )
    metric: Metric = "diag_e"
    metric_from: MetricFrom = None
    stepsize: Positive = Field(default=1.0, description="Step size that the adaptation begins at.")
    stepsize_jitter: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Draw each trajectory's step size within ± this share of the adapted one; the "
        "number of steps stays, so that the time of a trajectory varies with it.",
    )
    init: ChainInit = None
    init_tries: InitTries = 1
    on_divergence: DivergenceRepair = None
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
        """A trajectory of one length."""
        return ["engine=static", f"int_time={number(self.int_time)}"]

    @property
    def step_size(self) -> Sequence[str]:
        """The declared step size and its jitter."""
        return [
            f"stepsize={number(self.stepsize)}",
            f"stepsize_jitter={number(self.stepsize_jitter)}",
        ]

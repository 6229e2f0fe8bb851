"""ADVI: Kucukelbir et al. (2017), JMLR 18(14): 1-45, as CmdStan has it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from stanchion.checks.verdicts import OnFail
from stanchion.methods.fields import (
    METHOD_WORDS,
    Init,
    MethodModels,
    MethodOnFail,
    MethodSeed,
    TimeLimit,
)
from stanchion.methods.method import Method, Misfit, without_parameters
from stanchion.schema.fields import Count, Positive
from stanchion.stan.command import number
from stanchion.stan.rows import Rows

if TYPE_CHECKING:
    from stanchion.draws.stan_csv import Chains
    from stanchion.draws.weighting import Weighted
    from stanchion.stan.program import Program

LOG_P, LOG_Q = "log_p__", "log_g__"
"""Columns of the log densities of the posterior, up to a constant, and of the approximation."""


class Advi(Method):
    """Automatic differentiation variational inference, `method: advi`."""

    checks: ClassVar[tuple[str, ...]] = (
        "finite",
        "constant",
        "khat",
        "nuts_difference",
        "generated",
    )
    default_on_fail: ClassVar[OnFail] = "flag"
    unused: ClassVar[tuple[str, ...]] = ("lp__",)
    chain_name: ClassVar[str] = "the approximation"
    fewest_draws: ClassVar[int] = 30
    """Pareto k̂ is fitted to a fifth of them, whose quartile is to be another than the least."""
    fewest_because: ClassVar[str] = "Pareto k̂ needs"

    method: Literal["advi"] = Field(default="advi", description=METHOD_WORDS)
    algorithm: Literal["meanfield", "fullrank"] = Field(
        default="meanfield",
        description="Family of the approximation: independent normals, or one multivariate.",
    )
    draws: Count = Field(
        default=1000,
        description="Draws from the approximation; k̂ may be as large as 1 − 1/log10 of them, and "
        "0.7 at most.",
    )
    resample: bool = Field(
        default=True,
        description="Importance-resample the draws by PSIS where k̂ allows (Yao et al. 2018, "
        "arXiv:1802.02538); without it they stay the approximation's own, `unweighted`.",
    )
    iter: Count = Field(default=10000, description="Most iterations.")
    grad_samples: Count = Field(default=1, description="Draws for a gradient.")
    elbo_samples: Count = Field(default=100, description="Draws for an estimate of the ELBO.")
    eta: Positive = Field(default=1.0, description="Scale of the step size.")
    adapt_engaged: bool = Field(default=True, description="Adapt the scale of the step size.")
    adapt_iter: Count = Field(default=50, description="Iterations of that adaptation.")
    tol_rel_obj: Positive = Field(
        default=0.01, description="Relative change of the ELBO at which it has converged."
    )
    eval_elbo: Count = Field(default=100, description="Iterations between looks at the ELBO.")
    init: Init = None
    models: MethodModels = None
    seed: MethodSeed = None
    time_limit: TimeLimit = None
    on_fail: MethodOnFail = None

    @property
    def start(self) -> float | str | None:
        """The declared `init`."""
        return self.init

    def command(self, keep: Collection[str] = ()) -> list[str]:
        """Return the words; `iter` of the adaptation follows `adapt`."""
        return [
            "method=variational",
            f"algorithm={self.algorithm}",
            f"iter={self.iter}",
            f"grad_samples={self.grad_samples}",
            f"elbo_samples={self.elbo_samples}",
            f"eta={number(self.eta)}",
            "adapt",
            f"engaged={int(self.adapt_engaged)}",
            f"iter={self.adapt_iter}",
            f"tol_rel_obj={number(self.tol_rel_obj)}",
            f"eval_elbo={self.eval_elbo}",
            f"output_samples={self.draws}",
        ]

    def rows(self, keep: Collection[str] = ()) -> Rows:
        """Return the draws, before which stands the mean of the approximation."""
        return Rows(self.draws, before=1, footer=False)

    def misfit(self, program: Program) -> Misfit | None:
        """Ask for a parameter: there is no approximation of none."""
        return without_parameters(program, "approximate")

    def weigh(self, raw: Chains, seed: int) -> Weighted:
        """Importance-resample the draws where k̂ licenses it and `resample` asks for it."""
        from stanchion.draws.weighting import weigh

        return weigh(raw, (LOG_P, LOG_Q), to_resample=self.resample, seed=seed)

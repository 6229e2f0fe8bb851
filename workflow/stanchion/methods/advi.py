"""ADVI: Kucukelbir et al. (2017), JMLR 18(14): 1-45, as CmdStan has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar, Literal

from pydantic import Field

from stanchion.methods.approximation import Approximation, Resample
from stanchion.methods.fields import (
    METHOD_WORDS,
    Init,
    MethodModels,
    MethodOnFail,
    MethodSeed,
    TimeLimit,
)
from stanchion.schema.fields import Count, Positive
from stanchion.stan.command import number
from stanchion.stan.rows import Rows


class Advi(Approximation):
    """Automatic differentiation variational inference, `method: advi`."""

    unused: ClassVar[tuple[str, ...]] = ("lp__",)
    densities: ClassVar[tuple[str, str]] = ("log_p__", "log_g__")
    advice: ClassVar[Mapping[str, str]] = {
        "khat": "The approximation does not cover the posterior. Use NUTS for conclusions; to keep "
        "the approximation, try `algorithm: fullrank`, a smaller `tol_rel_obj`, or other "
        "parameters.",
        "nuts_difference": "The approximation puts the named means elsewhere than the sampler "
        "does. Report the sampler's fit; to mend the approximation, try `algorithm: fullrank`, a "
        "smaller `tol_rel_obj`, more `draws`, or other parameters.",
    }

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
    resample: Resample = True
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
    def variant(self) -> str:
        """Its family."""
        return self.algorithm

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

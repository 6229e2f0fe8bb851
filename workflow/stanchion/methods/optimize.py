"""Modes: BFGS, L-BFGS and Newton (Nocedal and Wright 2006, chapters 6 and 7), as CmdStan has it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stanchion.checks.row import Size
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
from stanchion.methods.optimising import (
    MOST_AT_ONCE,
    OptimiserIterations,
    Starts,
    require_distinct_starts,
)
from stanchion.schema.fields import Count, Positive, refused
from stanchion.stan.command import number
from stanchion.stan.rows import Rows

if TYPE_CHECKING:
    from stanchion.stan.program import Program

_LINE_SEARCH = (
    "init_alpha",
    "tol_obj",
    "tol_rel_obj",
    "tol_grad",
    "tol_rel_grad",
    "tol_param",
)
_OF_ALGORITHM = {
    "lbfgs": (*_LINE_SEARCH, "history_size"),
    "bfgs": _LINE_SEARCH,
    "newton": (),
}
"""The settings that each algorithm has."""


class Optimize(Method):
    """The mode of the posterior density, with standard errors by its curvature, `method: optimize`.

    It gives a point and no draws: nothing that needs draws is made of it, and generated quantities,
    which may be random, are left out; transformed parameters have values and errors. Of a model
    that declares `priors: none` the mode on the declared scale is the maximum likelihood estimate.
    """

    checks: ClassVar[tuple[str, ...]] = ("finite", "converged", "curvature", "modes")
    default_on_fail: ClassVar[OnFail] = "stop"
    is_posterior: ClassVar[bool] = False
    is_point: ClassVar[bool] = True

    method: Literal["optimize"] = Field(default="optimize", description=METHOD_WORDS)
    jacobian: bool = Field(
        default=False,
        description="`false` is the mode of the density on the declared scale of the parameters "
        "(MAP); `true` that on the unconstrained scale, where a Laplace approximation expands.",
    )
    starts: Starts = 4
    algorithm: Literal["lbfgs", "bfgs", "newton"] = Field(
        default="lbfgs", description="How the mode is searched for."
    )
    iter: OptimiserIterations = 2000
    init_alpha: Positive = Field(default=0.001, description="First step of the line search.")
    tol_obj: Positive = Field(
        default=1e-12, description="Change of the log density at which it has converged."
    )
    tol_rel_obj: Positive = Field(
        default=10000.0, description="Such a relative change, in rounding errors."
    )
    tol_grad: Positive = Field(
        default=1e-8, description="Norm of the gradient at which it has converged."
    )
    tol_rel_grad: Positive = Field(
        default=10000000.0, description="Such a relative norm, in rounding errors."
    )
    tol_param: Positive = Field(
        default=1e-8, description="Change of the parameters at which it has converged."
    )
    history_size: Count = Field(default=5, description="Updates that L-BFGS remembers.")
    init: Init = None
    models: MethodModels = None
    seed: MethodSeed = None
    time_limit: TimeLimit = None
    on_fail: MethodOnFail = None

    @model_validator(mode="after")
    def _can_start_elsewhere(self) -> Self:
        require_distinct_starts(self.starts, self.init)
        return self

    @model_validator(mode="after")
    def _has_its_settings(self) -> Self:
        for name in (*_LINE_SEARCH, "history_size"):
            changed = getattr(self, name) != type(self).model_fields[name].default
            if changed and name not in _OF_ALGORITHM[self.algorithm]:
                others = [a for a, names in _OF_ALGORITHM.items() if name in names]
                raise refused(
                    f"{self.algorithm} has no {name}",
                    at=[name],
                    value=getattr(self, name),
                    todo=f"remove it, or choose `algorithm: {others[0]}`",
                )
        return self

    @property
    def jobs(self) -> int:
        """As many as there are starts, of which some run at a time."""
        return min(self.starts, MOST_AT_ONCE)

    @property
    def size(self) -> Size:
        """One point."""
        return Size(1, 1)

    @property
    def start(self) -> float | str | None:
        """The declared `init`."""
        return self.init

    @property
    def procedure(self) -> str:
        """Several starts, of whose ends the highest is taken."""
        return "optimising"

    def estimate(self, *, has_priors: bool) -> str:
        """Return the name of its mode: without priors, that on the declared scale is the MLE."""
        if self.jacobian:
            return "mode on the unconstrained scale"
        return "MAP" if has_priors else "MLE"

    def command(self, keep: Collection[str] = ()) -> list[str]:
        """Return the words of one start."""
        return [
            "method=optimize",
            f"algorithm={self.algorithm}",
            *(f"{n}={number(getattr(self, n))}" for n in _OF_ALGORITHM[self.algorithm]),
            f"jacobian={int(self.jacobian)}",
            f"iter={self.iter}",
            "save_iterations=0",
        ]

    def rows(self, keep: Collection[str] = ()) -> Rows:
        """Return the one row, where it ended."""
        return Rows(1, footer=False)

    def misfit(self, program: Program) -> Misfit | None:
        """Ask for a parameter: there is no mode of none."""
        return without_parameters(program, "optimise")

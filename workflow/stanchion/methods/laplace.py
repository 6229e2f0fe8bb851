"""The Laplace approximation (Tierney and Kadane 1986, JASA 81: 82-86), as CmdStan has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from stanchion.methods.approximation import Approximation, Resample
from stanchion.methods.fields import (
    METHOD_WORDS,
    Init,
    MethodModels,
    MethodOnFail,
    MethodSeed,
    TimeLimit,
)
from stanchion.methods.optimising import (
    MOST_AT_ONCE,
    OptimiserIterations,
    Starts,
    require_distinct_starts,
)
from stanchion.methods.optimize import Optimize
from stanchion.schema.fields import Count
from stanchion.stan.rows import Rows


class Laplace(Approximation):
    """A normal at the highest mode of several starts, by the curvature there, `method: laplace`.

    The mode is that on the unconstrained scale, where the normal stands. Other modes are not
    covered, and k̂ does not see them where the draws never come there: several are a warning.
    """

    checks: ClassVar[tuple[str, ...]] = (*Approximation.checks, "converged", "modes")
    densities: ClassVar[tuple[str, str]] = ("log_p__", "log_q__")
    advice: ClassVar[Mapping[str, str]] = {
        "khat": "The posterior is not normal on the unconstrained scale. Use NUTS for conclusions; "
        "to keep the approximation, try other parameters.",
        "nuts_difference": "The approximation puts the named means elsewhere than the sampler "
        "does. Report the sampler's fit; to mend the approximation, try other parameters.",
    }

    method: Literal["laplace"] = Field(default="laplace", description=METHOD_WORDS)
    draws: Count = Field(
        default=1000,
        description="Draws from the approximation; k̂ may be as large as 1 − 1/log10 of them, and "
        "0.7 at most.",
    )
    resample: Resample = True
    starts: Starts = 4
    iter: OptimiserIterations = 2000
    init: Init = None
    models: MethodModels = None
    seed: MethodSeed = None
    time_limit: TimeLimit = None
    on_fail: MethodOnFail = None

    @model_validator(mode="after")
    def _can_start_elsewhere(self) -> Self:
        require_distinct_starts(self.starts, self.init)
        return self

    @property
    def optimiser(self) -> Optimize:
        """What looks for the mode: L-BFGS with CmdStan's tolerances."""
        settings = {"starts": self.starts, "iter": self.iter, "init": self.init}
        return Optimize.model_validate({"jacobian": True, **settings})

    @property
    def jobs(self) -> int:
        """As many as there are starts, of which some run at a time."""
        return min(self.starts, MOST_AT_ONCE)

    @property
    def procedure(self) -> str:
        """Several starts, and draws about the highest of their ends."""
        return "expanding"

    def command(self, keep: Collection[str] = ()) -> list[str]:
        """Return the words of the expansion; a file with the mode follows the first."""
        return ["method=laplace", "jacobian=1", f"draws={self.draws}", "calculate_lp=1"]

    def rows(self, keep: Collection[str] = ()) -> Rows:
        """Return the draws."""
        return Rows(self.draws, footer=False)

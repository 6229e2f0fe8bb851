"""CmdStan's `fixed_param`: draws of a program's generated quantities, with nothing estimated."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from stanchion.checks.verdicts import OnFail
from stanchion.methods.fields import (
    METHOD_WORDS,
    SAVING,
    Checkpoint,
    KeepState,
    MethodModels,
    MethodOnFail,
    MethodSeed,
    ResumeElsewhere,
    TimeLimit,
)
from stanchion.methods.method import Method, Misfit
from stanchion.schema.fields import Count
from stanchion.stan.rows import Rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stanchion.stan.program import Program
    from stanchion.stats.summary import Numbers


class FixedParam(Method):
    """Independent draws of the generated quantities of a program without parameters.

    `method: fixed_param`: a simulation. There is no posterior, so that nothing is checked for
    convergence; a draw without a value fails.
    """

    checks: ClassVar[tuple[str, ...]] = ("finite", "generated")
    default_on_fail: ClassVar[OnFail] = "stop"
    is_posterior: ClassVar[bool] = False
    results: ClassVar[tuple[str, ...]] = ("transformed_parameters", "generated_quantities")
    unused: ClassVar[tuple[str, ...]] = ("lp__",)
    unkeyed: ClassVar[frozenset[str]] = frozenset(SAVING)
    chain_name: ClassVar[str] = "the simulation"
    fewest_draws: ClassVar[int] = 2
    fewest_because: ClassVar[str] = "a standard deviation needs"

    method: Literal["fixed_param"] = Field(default="fixed_param", description=METHOD_WORDS)
    draws: Count = Field(default=1000, description="Draws.")
    models: MethodModels = None
    seed: MethodSeed = None
    checkpoint: Checkpoint = 60
    keep_state: KeepState = True
    resume_elsewhere: ResumeElsewhere = False
    time_limit: TimeLimit = None
    on_fail: MethodOnFail = None

    def command(self, keep: Collection[str] = ()) -> list[str]:
        """Return the words: there is nothing to warm up or to adapt."""
        return [
            "method=sample",
            f"num_samples={self.draws}",
            "num_warmup=0",
            "save_warmup=0",
            "thin=1",
            "adapt",
            "engaged=0",
            "algorithm=fixed_param",
            "num_chains=1",
        ]

    def rows(self, keep: Collection[str] = ()) -> Rows:
        """Return the draws."""
        return Rows(self.draws)

    def misfit(self, program: Program) -> Misfit | None:
        """Refuse parameters, which would rest at a random start, and a program of no quantities."""
        if program.parameters:
            return Misfit(
                "has parameters, which fixed_param leaves where they start",
                "use `method: nuts`; or move them to the data, and simulate with their values",
            )
        if not program.generated_quantities:
            return Misfit(
                "has no generated quantities: there is nothing to draw",
                "compute what is to be simulated in its generated quantities",
            )
        return None

    def errors(self, draws: NDArray[np.float64], columns: list[int]) -> Numbers:
        """Return the errors of independent draws, which count alike; there is no R-hat."""
        import numpy as np

        from stanchion.stats.importance import weighted_errors

        return weighted_errors(draws, columns, np.full(draws.shape[1], 1 / draws.shape[1]))

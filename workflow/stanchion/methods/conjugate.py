"""`conjugate`: the exact posterior of a family that has one, and independent draws from it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from stanchion.checks.row import Size
from stanchion.checks.verdicts import OnFail
from stanchion.methods.fields import METHOD_WORDS, MethodModels, MethodOnFail, MethodSeed
from stanchion.methods.method import Method
from stanchion.schema.fields import Count
from stanchion.stan.rows import Rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stanchion.stats.summary import Numbers


class Conjugate(Method):
    """The exact posterior of a conjugate model, `method: conjugate`.

    The numbers of the summary have no Monte Carlo error; the draws are independent.
    """

    checks: ClassVar[tuple[str, ...]] = ("finite", "constant", "generated")
    default_on_fail: ClassVar[OnFail] = "stop"
    is_reference: ClassVar[bool] = True
    is_exact: ClassVar[bool] = True
    chain_name: ClassVar[str] = "the exact posterior"
    fewest_draws: ClassVar[int] = 2
    fewest_because: ClassVar[str] = "a standard deviation needs"

    method: Literal["conjugate"] = Field(default="conjugate", description=METHOD_WORDS)
    draws: Count = Field(
        default=4000, description="Independent draws, for pictures and predictions."
    )
    models: MethodModels = None
    seed: MethodSeed = None
    on_fail: MethodOnFail = None

    @property
    def jobs(self) -> int:
        """None: nothing is sampled before the draws are collected."""
        return 0

    @property
    def size(self) -> Size:
        """One chain."""
        return Size(1, self.draws)

    def rows(self, keep: Collection[str] = ()) -> Rows:
        """Return the draws."""
        return Rows(self.draws)

    def errors(self, draws: NDArray[np.float64], columns: list[int]) -> Numbers:
        """Return the errors of independent draws, of what the summary has no exact number for."""
        import numpy as np

        from stanchion.stats.importance import weighted_errors

        return weighted_errors(draws, columns, np.full(draws.shape[1], 1 / draws.shape[1]))

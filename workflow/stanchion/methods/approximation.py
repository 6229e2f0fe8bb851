"""What approximations have in common: draws that their densities weigh, and their checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from stanchion.checks.verdicts import OnFail
from stanchion.methods.method import Method, Misfit, without_parameters

if TYPE_CHECKING:
    from stanchion.draws.stan_csv import Chains
    from stanchion.draws.weighting import Weighted
    from stanchion.stan.program import Program

Resample = Annotated[
    bool,
    Field(
        description="Importance-resample the draws by PSIS where k̂ allows (Yao et al. 2018, "
        "arXiv:1802.02538); without it they stay the approximation's own, `unweighted`."
    ),
]


class Approximation(Method):
    """A distribution that stands for the posterior. A subclass has the settings below.

    Its CSV holds the log densities of each draw, and one job writes all of them.
    """

    if TYPE_CHECKING:
        resample: bool
        init: float | str | None

    checks: ClassVar[tuple[str, ...]] = (
        "finite",
        "constant",
        "khat",
        "nuts_difference",
        "generated",
    )
    default_on_fail: ClassVar[OnFail] = "flag"
    chain_name: ClassVar[str] = "the approximation"
    fewest_draws: ClassVar[int] = 30
    """Pareto k̂ is fitted to a fifth of them, whose quartile is to be another than the least."""
    fewest_because: ClassVar[str] = "Pareto k̂ needs"
    densities: ClassVar[tuple[str, str]]
    """Columns of the log densities of the posterior, up to a constant, and of the approximation."""
    path: ClassVar[str | None] = None
    """Column of the number of the path that a draw is from, where there are several."""

    @property
    def start(self) -> float | str | None:
        """The declared `init`."""
        return self.init

    def misfit(self, program: Program) -> Misfit | None:
        """Ask for a parameter: there is no approximation of none."""
        return without_parameters(program, "approximate")

    def weigh(self, raw: Chains, seed: int) -> Weighted:
        """Importance-resample the draws where k̂ licenses it and `resample` asks for it."""
        from stanchion.draws.weighting import weigh

        return weigh(
            raw, self.densities, self.path, to_resample=self.resample, seed=seed, paths=self.parts
        )

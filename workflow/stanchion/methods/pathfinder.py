"""Pathfinder: Zhang, Carpenter, Gelman and Vehtari (2022), JMLR 23(306): 1-49."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from stanchion.checks.row import Size
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

if TYPE_CHECKING:
    from stanchion.draws.stan_csv import Chains
    from stanchion.draws.weighting import Weighted

PATH_COLUMN = "path__"
Tolerance = Annotated[float, Field(ge=0)]


class Pathfinder(Approximation):
    """Normal approximations along paths of an optimiser, the best of each, `method: pathfinder`.

    The draws of all paths are weighed together, each by the density of its own path's
    approximation; `proposal/path` says which path a draw is from. Modes then have the shares of the
    paths that end in them, which k̂ does not see: so the paths are held to each other as well.
    """

    checks: ClassVar[tuple[str, ...]] = (*Approximation.checks, "paths", "path_difference")
    densities: ClassVar[tuple[str, str]] = ("lp__", "lp_approx__")
    path: ClassVar[str | None] = PATH_COLUMN
    advice: ClassVar[Mapping[str, str]] = {
        "khat": "The approximations do not cover the posterior. Use NUTS for conclusions; to keep "
        "Pathfinder, try more `paths`, a greater `history_size`, more `draws`, or other "
        "parameters.",
        "nuts_difference": "The approximations put the named means elsewhere than the sampler "
        "does. Report the sampler's fit; to mend them, try more `paths`, a greater "
        "`history_size`, more `draws`, or other parameters.",
    }

    method: Literal["pathfinder"] = Field(default="pathfinder", description=METHOD_WORDS)
    paths: Count = Field(
        default=4, description="Paths, each from a start of its own; 1 for the single Pathfinder."
    )
    draws: Count = Field(
        default=1000,
        description="Draws from the approximation of each path; k̂ may be as large as "
        "1 − 1/log10 of all of them, and 0.7 at most.",
    )
    resample: Resample = True
    elbo_draws: Count = Field(default=25, description="Draws for an estimate of the ELBO.")
    max_lbfgs_iters: Count = Field(default=1000, description="Most iterations of the optimiser.")
    history_size: Count = Field(
        default=5, description="Steps of the optimiser that its estimate of the curvature is of."
    )
    init_alpha: Positive = Field(
        default=0.001, description="Step size of the line search's first iteration."
    )
    tol_obj: Tolerance = Field(
        default=1e-12, description="Change of the log density at which the optimiser stops."
    )
    tol_rel_obj: Tolerance = Field(
        default=1e4, description="The same, relative to the log density, in machine precisions."
    )
    tol_grad: Tolerance = Field(
        default=1e-8, description="Norm of the gradient at which the optimiser stops."
    )
    tol_rel_grad: Tolerance = Field(
        default=1e7, description="The same, relative to the log density, in machine precisions."
    )
    tol_param: Tolerance = Field(
        default=1e-8, description="Change of the parameters at which the optimiser stops."
    )
    init: Init = None
    models: MethodModels = None
    seed: MethodSeed = None
    time_limit: TimeLimit = None
    on_fail: MethodOnFail = None

    @property
    def variant(self) -> str:
        """One path alone has nothing to be held to."""
        return "single" if self.paths == 1 else self.method

    @property
    def parts(self) -> int:
        """A part a path: one that fails leaves no draws, and the others go on."""
        return self.paths

    @property
    def size(self) -> Size:
        """All paths' draws together are what is weighed."""
        return Size(self.jobs, self.paths * self.draws)

    def command(self, keep: Collection[str] = ()) -> list[str]:
        """Return the words; CmdStan's own resampling is off, and all log densities are written."""
        return [
            "method=pathfinder",
            f"init_alpha={number(self.init_alpha)}",
            f"tol_obj={number(self.tol_obj)}",
            f"tol_rel_obj={number(self.tol_rel_obj)}",
            f"tol_grad={number(self.tol_grad)}",
            f"tol_rel_grad={number(self.tol_rel_grad)}",
            f"tol_param={number(self.tol_param)}",
            f"history_size={self.history_size}",
            f"num_psis_draws={self.draws}",
            f"num_paths={self.paths}",
            "psis_resample=0",
            "calculate_lp=1",
            f"max_lbfgs_iters={self.max_lbfgs_iters}",
            f"num_draws={self.draws}",
            f"num_elbo_draws={self.elbo_draws}",
        ]

    def rows(self, keep: Collection[str] = ()) -> Rows:
        """Return the draws of all paths."""
        return Rows(self.paths * self.draws)

    def weigh(self, raw: Chains, seed: int) -> Weighted:
        """Weigh the draws of the paths that gave all of theirs.

        Raises:
            ChainError: a path gave another number, or draws twice.
        """
        from stanchion.draws.paths import check_paths

        check_paths(raw, PATH_COLUMN, self.densities[1], draws=self.draws)
        return super().weigh(raw, seed)

"""Generated quantities anew, at the parameters that another fit has drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from stanchion.checks.verdicts import OnFail
from stanchion.methods.fields import (
    METHOD_WORDS,
    MethodModels,
    MethodOnFail,
    MethodSeed,
    TimeLimit,
)
from stanchion.methods.method import Method, Misfit
from stanchion.schema.fields import ProgramPath, titled

if TYPE_CHECKING:
    from stanchion.stan.program import Program


class Gq(Method):
    """Generated quantities of a program at the draws of another fit, `method: gq`.

    Nothing is sampled: each draw of the other fit gives one of these. The program declares the same
    parameters, and may declare other data. The verdict on the other fit is a check of this one, and
    where it stops, this one is not made.
    """

    checks: ClassVar[tuple[str, ...]] = ("finite", "generated", "source")
    default_on_fail: ClassVar[OnFail] = "stop"
    results: ClassVar[tuple[str, ...]] = ("generated_quantities",)
    unused: ClassVar[tuple[str, ...]] = ("lp__",)
    unkeyed: ClassVar[frozenset[str]] = frozenset({"program"})
    chain_name: ClassVar[str] = "the generated quantities"

    method: Literal["gq"] = Field(default="gq", description=METHOD_WORDS)
    of: Annotated[str, titled("the name of another method of the analysis")] = Field(
        description="The method at whose draws the quantities are generated: of the same dataset "
        "and model."
    )
    program: ProgramPath | None = Field(
        default=None,
        description="The program, with the same parameters; its data come from the mapping of "
        "dataset and model. Without it, the model's own.",
    )
    models: MethodModels = None
    seed: MethodSeed = None
    time_limit: TimeLimit = None
    on_fail: MethodOnFail = None

    @property
    def draws_of(self) -> str | None:
        """The method whose draws it takes."""
        return self.of

    @property
    def own_program(self) -> str | None:
        """The declared program."""
        return self.program

    def misfit(self, program: Program) -> Misfit | None:
        """Ask for quantities to generate, and for parameters to generate them at."""
        if not program.generated_quantities:
            return Misfit(
                "has no generated quantities: there is nothing to generate",
                "compute what is asked for in its generated quantities",
            )
        if not program.parameters:
            return Misfit(
                "has no parameters: its quantities would be the same at every draw",
                "declare the parameters of the other fit, or use `method: fixed_param`",
            )
        return None

"""The section `until`: what a fit must reach to stop, in place of a fixed number of draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from stanchion.methods.method import Misfit
from stanchion.schema.fields import (
    Count,
    NotEmpty,
    Positive,
    Section,
    StanName,
    refused,
    titled,
)
from stanchion.schema.locations import nearest

if TYPE_CHECKING:
    from stanchion.stan.program import Program

_ERRORS = "numbers > 0 by variable, such as `{mu: 0.01}`"


class Until(Section):
    """What a fit must reach to stop; it is looked at after every `draws` more of each chain.

    Bulk and tail effective sample sizes and R-hat are those of all parameters, transformed
    parameters and `lp__`; without them here, the analysis' `checks` say them.
    """

    ess: Count | None = Field(
        default=None, description="Least bulk and tail effective sample size over all chains."
    )
    rhat: Annotated[float, Field(gt=1)] | None = Field(
        default=None, description="Greatest rank-normalised split R-hat."
    )
    mcse: Annotated[dict[StanName, Positive], NotEmpty, titled(_ERRORS)] | None = Field(
        default=None,
        description="Greatest Monte Carlo standard error of the mean, by variable: of all elements "
        "of a container.",
    )

    @property
    def of_checks(self) -> tuple[str, ...]:
        """Names of the thresholds that are those of the analysis' checks."""
        return (
            *(("rhat", "rhat_of") if self.rhat is None else ()),
            *(("ess", "ess_of") if self.ess is None else ()),
        )

    @property
    def thresholds(self) -> dict[str, float]:
        """Thresholds of its own, by their names among the analysis' checks."""
        return self.model_dump(include={"rhat", "ess"}, exclude_none=True)

    def misfit(self, program: Program) -> Misfit | None:
        """Return the misfit of a program that lacks a variable whose error is limited."""
        blocks = (program.parameters, program.transformed_parameters, program.generated_quantities)
        names = [variable.name for block in blocks for variable in block]
        for variable in self.mcse or {}:
            if variable not in names:
                suggestion = nearest(variable, names)
                todo = f"write {suggestion}" if suggestion else f"name one of {', '.join(names)}"
                what = f"has no {variable!r}, whose Monte Carlo error `until` limits"
                return Misfit(what, todo, at=("until", "mcse", variable))
        return None

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise refused(
                "`until` says nothing to reach",
                allowed=", ".join(type(self).model_fields),
                todo="write what is to be reached, such as {ess: 400, rhat: 1.01}",
            )
        return self


DeclaredUntil = Annotated[
    Until | None,
    Field(
        description="What the fit must reach: after every `draws` more of each chain it is looked "
        "at, and sampling goes on from the saved states until it is reached or `max_draws` is met. "
        "`time_limit` is then that of a chain in one round. With another CmdStan than Stanchion's "
        "own each round samples from nothing, with the same bytes."
    ),
]
MaxDraws = Annotated[
    Count | None,
    Field(
        description="Iterations of a chain after warmup at which `until` gives up: the fit is then "
        "judged as it is, and warns at best. The last `draws` may be fewer."
    ),
]


def check_rounds(
    until: Until | None, draws: int, most: int | None, thin: int, saving: Mapping[str, Any]
) -> None:
    """Refuse what contradicts `until` among a method's settings, and `max_draws` without it."""
    if until is None:
        if most is not None:
            todo = "add until, such as {ess: 400, rhat: 1.01}, or remove max_draws"
            raise refused("'max_draws' goes with 'until'", at=["max_draws"], value=most, todo=todo)
        return
    if most is None:
        todo = f"add max_draws, such as {8 * draws}: what is never reached must end"
        raise refused("'until' needs 'max_draws'", at=["until"], todo=todo)
    if most < draws:
        raise refused(
            f"max_draws is less than the {draws} draws after which `until` is first looked at",
            at=["max_draws"],
            value=most,
            allowed=f"{draws} or more",
            todo="raise max_draws, or lower draws",
        )
    _check_thinning(thin, draws, most)
    for name in ("checkpoint", "keep_state"):
        if not saving[name]:
            raise refused(
                f"'until' goes on from saved states, and {name} is switched off",
                at=[name],
                value=saving[name],
                todo=f"remove {name}, or until",
            )


def _check_thinning(thin: int, draws: int, most: int) -> None:
    for name, value in (("draws", draws), ("max_draws", most)):
        if value % thin:
            raise refused(
                f"{name} is no multiple of thin, so that rounds of 'until' would be unequal",
                at=[name],
                value=value,
                allowed=f"a multiple of {thin}, such as {value + thin - value % thin}",
                todo=f"change {name}, or thin",
            )

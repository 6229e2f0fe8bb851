"""Settings of what is sampled again where a fit goes wrong; none of them is a default."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stanchion.schema.fields import NotEmpty, Section, refused

_RUNG = Annotated[float, Field(ge=0.1, lt=1)]


class OnDivergence(Section):
    """What follows more divergences than `checks` allow: all chains are sampled again."""

    adapt_delta: Annotated[list[_RUNG], NotEmpty] = Field(
        description="The `adapt_delta` of each refit, ascending; the last one stands whatever it "
        "shows."
    )

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        rungs = self.adapt_delta
        for position, (before, rung) in enumerate(pairwise(rungs), start=1):
            if rung <= before:
                raise refused(
                    f"a refit with adapt_delta {rung:g} after one with {before:g} mends nothing",
                    at=["adapt_delta", position],
                    value=rung,
                    allowed=f"a number above {before:g} and below 1",
                    todo="write them in ascending order",
                )
        return self


class OnSaturation(Section):
    """What follows trajectories that were cut short: all chains are sampled again."""

    max_treedepth: Annotated[int, Field(ge=2, le=30)] = Field(
        description="The `max_treedepth` of the refit."
    )


DivergenceRepair = Annotated[
    OnDivergence | None,
    Field(
        description="After more divergences than `checks` allow, sample all chains again: with "
        "`{adapt_delta: [0.9, 0.99]}` by each of these in its turn, ascending, until one shows no "
        "more than are allowed; the last one stands whatever it shows. A refit warns at best."
    ),
]
SaturationRepair = Annotated[
    OnSaturation | None,
    Field(
        description="Where trajectories were cut short, sample all chains again: with "
        "`{max_treedepth: 12}` by this depth, whatever that shows. A refit warns at best."
    ),
]
StuckRepair = Annotated[
    Literal["restart"] | None,
    Field(
        description="A chain that takes more than ten times the leapfrog steps of the middle one "
        "is given up, and started anew at a draw of Pathfinder, twice at most. Steps of the "
        "warm-up count, so that the Stan CSVs hold it. A restart warns at best."
    ),
]

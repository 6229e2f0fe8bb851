"""A model: a Stan program with its options."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stanchion.config.base import Distinct, NotEmpty, Scalar, Section, StanName, titled
from stanchion.config.dataset import StanMapping

StancOption = Literal["O0", "O1", "Oexperimental", "warn-pedantic", "warn-uninitialized"]


class Model(Section):
    """A Stan program and how it is compiled; programs in canonical form alike are compiled once."""

    program: Annotated[str, titled("the path of a .stan file", r"^\S.*\.stan$")] = Field(
        description="The Stan program."
    )
    parameters: Annotated[list[StanName], NotEmpty, Distinct] | None = Field(
        default=None,
        description="What summary and pictures show; without it, all parameters and "
        "transformed parameters. The checks look at all of them in any case.",
    )
    stan: StanMapping = Field(
        default={}, description="Stan variable ← expression, in place of the dataset's own."
    )
    stanc: dict[StancOption, bool] = Field(
        default={}, description="Options of stanc, without their dashes, such as `O1: true`."
    )
    cpp: dict[str, Scalar] = Field(
        default={}, description="Variables for make, such as `STAN_NO_RANGE_CHECKS: true`."
    )
    threads: bool = Field(
        default=False, description="Compile for threads within a chain (`reduce_sum`)."
    )
    native: bool = Field(
        default=False,
        description="Compile for the processor at hand: faster, and its results belong to "
        "that kind of processor.",
    )

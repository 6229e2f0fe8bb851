"""A model: a Stan program with its options."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stanchion.config.base import Distinct, NotEmpty, Scalar, Section, StanName, titled
from stanchion.config.compiling import StancOptions
from stanchion.config.dataset import StanMapping


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
    stanc: StancOptions = Field(
        default={}, description="Options of stanc, beside or in place of the toolchain's."
    )
    cpp: dict[str, Scalar] = Field(
        default={}, description="Variables for make, beside or in place of the toolchain's."
    )
    threads: bool | None = Field(
        default=None,
        description="Compile for threads within a chain; without it, what the toolchain says.",
    )
    native: bool | None = Field(
        default=None,
        description="Compile for the processor at hand; without it, what the toolchain says.",
    )

"""A model: a Stan program with its options, or a conjugate family with its prior."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from stanchion.config.compiling import MakeVariables, StancOptions
from stanchion.config.conjugate import Conjugate
from stanchion.config.dataset import StanMapping
from stanchion.schema.fields import (
    DatasetName,
    Distinct,
    NotEmpty,
    ProgramPath,
    Section,
    StanName,
    refused,
)

_OF_PROGRAMS = ("priors", "stan", "stanc", "cpp", "threads", "native")


class Model(Section):
    """A Stan program, or a conjugate family whose posterior is known; one of the two.

    Programs in canonical form alike are compiled once. A conjugate model is fitted by the method
    `conjugate`, and by no other.
    """

    program: ProgramPath | None = Field(default=None, description="The Stan program.")
    conjugate: Conjugate | None = Field(
        default=None, description="A family with an exact posterior: its data and its prior."
    )
    update: Annotated[list[DatasetName], Distinct] = Field(
        default=[],
        description="Datasets of further rows for a conjugate model, as they came: added to those "
        "of the analysis' dataset by the same columns, with the posterior after each of them.",
    )
    parameters: Annotated[list[StanName], NotEmpty, Distinct] | None = Field(
        default=None,
        description="What summary and pictures show; without it, all parameters and "
        "transformed parameters. The checks look at all of them in any case.",
    )
    priors: Literal["none"] | None = Field(
        default=None,
        description="`none` says that the program has no priors: only then is a mode of it called "
        "a maximum likelihood estimate. It changes words and no result.",
    )
    stan: StanMapping = Field(
        default={}, description="Stan variable ← expression, in place of the dataset's own."
    )
    stanc: StancOptions = Field(
        default={}, description="Options of stanc, beside or in place of the toolchain's."
    )
    cpp: MakeVariables = Field(
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

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if self.program is None and self.conjugate is None:
            todo = "add program, the path of a .stan file, or conjugate, a family with its prior"
            raise refused("a model needs 'program' or 'conjugate'", todo=todo)
        if self.program is not None and self.conjugate is not None:
            what = "'program' and 'conjugate' exclude each other"
            raise refused(what, at=["conjugate"], todo="remove one, or make two models of them")
        if self.program is not None and self.update:
            todo = "remove it; to fit more rows, declare them as one dataset"
            raise refused("'update' goes with 'conjugate'", at=["update"], todo=todo)
        for key in _OF_PROGRAMS:
            if self.conjugate is not None and getattr(self, key):
                raise refused(f"{key!r} goes with 'program'", at=[key], todo="remove it")
        return self

    @property
    def title(self) -> str:
        """What a message calls it: the path of its program, or its family."""
        if self.conjugate is None:
            return str(self.program)
        return f"the family {self.conjugate.family}"

    @property
    def family(self) -> dict[str, Any] | None:
        """What decides the posterior given the data; None of a program."""
        if self.conjugate is None:
            return None
        return {"family": self.conjugate.family, "prior": self.conjugate.numbers}

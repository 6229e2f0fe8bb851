"""A model: a Stan program with its options."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from stanchion.config.compiling import MakeVariables, StancOptions
from stanchion.config.dataset import StanMapping
from stanchion.schema.fields import Distinct, NotEmpty, Section, StanName, refused, titled

_RUN = frozenset("$`\\\"';|&<>#*?(){}!,")


def _plain_path(path: str) -> str:
    """Refuse a path that make and the shell, through which it goes, would not take as it stands."""
    odd = next((sign for sign in path if sign in _RUN or not sign.isprintable()), None)
    if odd is not None:
        what = f"the path of a program goes through make and the shell, and holds {odd!r}"
        raise refused(what, value=path, todo="rename the file or the folder")
    return path


class Model(Section):
    """A Stan program and how it is compiled; programs in canonical form alike are compiled once."""

    program: Annotated[
        str, titled("the path of a .stan file", r"^\S.*\.stan$"), AfterValidator(_plain_path)
    ] = Field(description="The Stan program.")
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

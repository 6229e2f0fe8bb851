"""How programs are compiled: for all of them, and what a model may say in their place."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from stanchion.schema.fields import Scalar, Section, refused

StancOption = Literal["O0", "O1", "Oexperimental", "warn-pedantic", "warn-uninitialized"]
_VARIABLE = re.compile(r"(?!MAKE|SHELL$)[A-Za-z][A-Za-z0-9_]*")
_VARIABLE_WORDS = "a letter, then letters, digits or _; not SHELL, nor one that begins with MAKE"
_VALUE = re.compile(r"[A-Za-z0-9 _./+=,:@%-]*")
_VALUE_WORDS = "letters, digits, blanks and _ . / + = , : @ % -"
LEVELS: tuple[StancOption, ...] = ("O0", "O1", "Oexperimental")


def _one_level(options: dict[StancOption, bool]) -> dict[StancOption, bool]:
    """Refuse two levels of optimisation: stanc takes one of them and says nothing."""
    levels = [level for level in LEVELS if options.get(level)]
    if len(levels) > 1:
        what = f"{' and '.join(levels)} at once: stanc takes one level"
        raise refused(what, at=levels[1:2], todo="keep one of them")
    return options


def _plain_variables(variables: dict[str, Scalar]) -> dict[str, Scalar]:
    """Refuse what make or the shell that it starts would run rather than take as it stands."""
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name):
            raise refused(f"{name!r} cannot be set", at=[name], allowed=_VARIABLE_WORDS)
        if isinstance(value, str) and not _VALUE.fullmatch(value):
            what = "make or the shell would run a part of this value"
            raise refused(what, at=[name], value=value, allowed=_VALUE_WORDS)
    return variables


StancOptions = Annotated[dict[StancOption, bool], AfterValidator(_one_level)]
MakeVariables = Annotated[dict[str, Scalar], AfterValidator(_plain_variables)]


class Toolchain(Section):
    """How programs are compiled where their model does not say otherwise.

    Of `stanc` and `cpp`, a model's own entries go first, each by itself; `false` turns one off.
    """

    stanc: StancOptions = Field(
        default={}, description="Options of stanc, without their dashes, such as `O1: true`."
    )
    cpp: MakeVariables = Field(
        default={}, description="Variables for make, such as `STAN_NO_RANGE_CHECKS: true`."
    )
    threads: bool = Field(
        default=False,
        description="Compile for threads within a chain (`reduce_sum`); `threads_per_chain` "
        "above 1 does so too.",
    )
    native: bool = Field(
        default=False,
        description="Compile for the processor at hand: faster, and its results belong to "
        "that kind of processor.",
    )

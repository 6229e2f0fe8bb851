"""What methods have in common whose draws are of another program: netCDF, or Stan CSVs."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from stanchion.checks.catalogue import OF_SAMPLED
from stanchion.checks.row import Size
from stanchion.checks.verdicts import OnFail
from stanchion.methods.method import Method, Misfit, without_parameters
from stanchion.schema.fields import Count, refused, titled
from stanchion.stan.rows import Rows

if TYPE_CHECKING:
    from stanchion.stan.program import Program

_UP = ".."
_PATH_WORDS = "the path of a file of the project, relative to its folder"
_HASH, _HASH_WORDS = r"[0-9a-f]{64}", "64 hexadecimal digits, lower case"
FEWEST_DRAWS = 4
"""Two in each half of a chain, which split R-hat needs."""


def _within_project(path: str) -> str:
    parts = path.split("/")
    if path.startswith(("/", "~")) or _UP in parts or not all(parts):
        raise refused(
            "this path leads out of the project, or is not written plainly",
            value=path,
            allowed="a path relative to the project's folder, such as scripts/model.py",
            todo="put the file into the project",
        )
    return path


FilePath = Annotated[
    str,
    titled(_PATH_WORDS),
    AfterValidator(_within_project),
]


def refuse_repeated(paths: Sequence[str]) -> None:
    """Refuse a file that stands twice among those of a script."""
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise refused("this file is named twice", at=["script"], value=twice, todo="name it once")


def _each(value: object, words: str, read: Callable[[str], str]) -> object:
    """Read one text, or each of a list of them, which is not empty."""
    if isinstance(value, str):
        return read(value)
    if not (isinstance(value, list) and value and all(isinstance(each, str) for each in value)):
        raise refused("this cannot be read", value=value, allowed=f"{words}, or a list of such")
    return [read(each) for each in value]


def _hash(text: str) -> str:
    if not re.fullmatch(_HASH, text):
        raise refused("this is no SHA-256", value=text, allowed=_HASH_WORDS)
    return text


FilePaths = Annotated[
    str | list[str],
    BeforeValidator(
        lambda value: _each(value, _PATH_WORDS, _within_project),
        json_schema_input_type=FilePath | list[FilePath],
    ),
]
FileHashes = Annotated[
    str | list[str],
    BeforeValidator(
        lambda value: _each(value, _HASH_WORDS, _hash),
        json_schema_input_type=Annotated[str, titled(_HASH_WORDS, f"^{_HASH}$")]
        | list[Annotated[str, titled(_HASH_WORDS, f"^{_HASH}$")]],
    ),
]
ExternalChains = Annotated[Count, Field(description="Chains that there must be.")]
ExternalDraws = Annotated[Count, Field(description="Draws that each chain must have.")]


class External(Method):
    """Draws by another program, held to the model's program and to the checks of any sampler.

    A subclass has `chains`. What a sampler does not say of its draws, such as which of them
    diverged, is not checked, and the diagnostics say so.
    """

    if TYPE_CHECKING:
        chains: int

    checks: ClassVar[tuple[str, ...]] = (*OF_SAMPLED, "nuts_difference")
    default_on_fail: ClassVar[OnFail] = "stop"
    is_external: ClassVar[bool] = True
    unused: ClassVar[tuple[str, ...]] = ("lp__",)
    fewest_draws: ClassVar[int] = FEWEST_DRAWS
    fewest_because: ClassVar[str] = "a chain needs for R-hat and effective sample size"
    advice: ClassVar[Mapping[str, str]] = {
        "rhat": "The chains disagree. Run the other program longer; if it stays, look for more "
        "than one mode, and for parameters that the data cannot tell apart.",
        "ess_bulk": "Too few independent draws for the centre. Run the other program longer, or "
        "let it mix better.",
        "ess_tail": "Too few independent draws for the tails, so intervals are unsure. Run the "
        "other program longer, or let it mix better.",
        "divergences": "The other program's sampler missed a region that it could not enter, so "
        "that the estimates may be biased. Reparameterise, or take smaller steps there.",
        "nuts_difference": "The named means are elsewhere than the sampler's of the Stan program. "
        "Look whether both programs have the same priors, data and scales.",
    }

    @property
    def markov_chains(self) -> int:
        """The declared number."""
        return self.chains

    @property
    def size(self) -> Size:
        """The declared chains and draws."""
        return Size(self.chains, self.draws)

    def rows(self, keep: Collection[str] = ()) -> Rows:
        """Return the draws of a chain."""
        return Rows(self.draws)

    def misfit(self, program: Program) -> Misfit | None:
        """Ask for parameters: draws are held to them."""
        return without_parameters(program, "draw")

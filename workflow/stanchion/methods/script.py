"""A person's own program in the place of the sampler, which leaves ArviZ's netCDF."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from stanchion.checks.row import Size
from stanchion.methods.approximation import Approximation
from stanchion.methods.external import (
    External,
    ExternalChains,
    ExternalDraws,
    FilePath,
    refuse_repeated,
)
from stanchion.methods.fields import (
    METHOD_WORDS,
    MethodModels,
    MethodOnFail,
    MethodSeed,
    TimeLimit,
)
from stanchion.methods.method import SOURCES
from stanchion.schema.fields import Count, Distinct, Scalar, refused, titled

if TYPE_CHECKING:
    from stanchion.draws.stan_csv import Chains
    from stanchion.draws.weighting import Weighted

Setting = Scalar | Annotated[list[Scalar], titled("a list of texts, numbers, true or false")]


class Script(External):
    """A person's own program in the place of the sampler, `method: script`.

    It is called with data, seed, settings and the path of a netCDF that it leaves, as
    docs/scripts.md says, and its draws are held to the model's program and to the same checks as
    those of any sampler. Script, sources and lock enter the key. The same bytes are not promised
    when it is run again, and the record says so.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    chain_name: ClassVar[str] = "the script"
    repeats: ClassVar[bool] = False
    memory: ClassVar[int] = 2000
    unkeyed: ClassVar[frozenset[str]] = frozenset({"python", "cores"})

    method: Literal["script"] = Field(default="script", description=METHOD_WORDS)
    script: FilePath = Field(description="The program, in Python.")
    sources: Annotated[list[FilePath], Distinct] = Field(
        default=[],
        description="Files that it reads or imports. They lie beside it as they do in the project, "
        "and nothing else of the project does.",
    )
    python: Annotated[str, titled("the path of a Python")] | None = Field(
        default=None,
        description="The Python that runs it, such as `.venv-pymc/bin/python`; without it, "
        "Stanchion's own. It enters no key.",
    )
    lock: FilePath = Field(
        description="Lines `name==version`, as pip, uv and pip-tools write them: the packages that "
        "must be installed for that Python, in these versions."
    )
    settings_: dict[Annotated[str, Field(min_length=1)], Setting] = Field(
        default={},
        alias="settings",
        description="What else the script is to know, as JSON in a file.",
    )
    chains: ExternalChains = 4
    draws: ExternalDraws = 1000
    weights: bool = Field(
        default=False,
        description="Whether `sample_stats` holds `log_weight`, the logarithm of each draw's "
        "importance weight, up to a constant: then the draws are resampled where Pareto k̂ allows, "
        "and checked as those of an approximation.",
    )
    cores: Count = Field(
        default=1,
        description="Cores that are reserved for it, and that libraries for linear algebra are "
        "told of. It enters no key.",
    )
    models: MethodModels = None
    seed: MethodSeed = None
    time_limit: TimeLimit = None
    on_fail: MethodOnFail = None

    @model_validator(mode="after")
    def _is_python(self) -> Self:
        refuse_repeated([self.script, *self.sources, self.lock])
        least = Approximation.fewest_draws
        if self.weights and self.chains * self.draws < least:
            raise refused(
                f"{self.chains * self.draws} weighted draws are fewer than Pareto k̂ needs",
                at=["draws"],
                value=self.draws,
                allowed=f"{least} or more, of all chains together",
                todo="raise draws; 1000 are a good start",
            )
        return self

    @property
    def threads(self) -> int:
        """The declared cores."""
        return self.cores

    @property
    def procedure(self) -> str:
        """The script is run, and what it leaves is held to the model's program."""
        return "script"

    @property
    def files(self) -> Mapping[str, tuple[str, ...]]:
        """The script, its sources and the lock, by setting."""
        return {"script": (self.script,), SOURCES: tuple(self.sources), "lock": (self.lock,)}

    @property
    def unused_settings(self) -> frozenset[str]:
        """The Python, where none is declared."""
        return frozenset({"python"} if self.python is None else ())

    @property
    def interpreter(self) -> str | None:
        """The declared Python."""
        return self.python

    @property
    def judged_by(self) -> tuple[str, ...]:
        """The checks of chains, or those of an approximation where the draws have weights."""
        return Approximation.checks if self.weights else self.checks

    @property
    def markov_chains(self) -> int:
        """The declared number; weighted draws are no chains."""
        return 0 if self.weights else self.chains

    @property
    def size(self) -> Size:
        """The declared chains and draws, in one where the draws have weights."""
        return Size(1, self.chains * self.draws) if self.weights else super().size

    def weigh(self, raw: Chains, seed: int) -> Weighted | None:
        """Resample the draws where they have weights, and k̂ licenses it."""
        from stanchion.draws.weighting import weigh

        if not self.weights:
            return None
        return weigh(raw, ("log_p__", "log_q__"), to_resample=True, seed=seed)

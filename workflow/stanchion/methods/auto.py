"""Pathfinder where nothing speaks against its draws, else NUTS from them: what is cheap, first."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stanchion.checks.catalogue import KHAT, OF_SAMPLED
from stanchion.checks.row import Size
from stanchion.draws.attempts import PATHFINDER
from stanchion.methods.fields import METHOD_WORDS, ChainInit
from stanchion.methods.nuts import Nuts
from stanchion.methods.pathfinder import Pathfinder
from stanchion.schema.fields import refused

_OF_THE_FIT = ("method", "models", "seed", "time_limit", "on_fail")
_FEWEST_PATHS = 2


class Auto(Nuts):
    """Pathfinder, and NUTS where it does not do, `method: auto`.

    The resampled draws of Pathfinder are the answer where k̂ is within its limit, every path gave
    draws, the paths agree and nothing shows them to be too narrow; else chains of NUTS start at
    draws of its paths, with the settings below. Which of the two it was, and why, stands in the
    report. A mode that no path has found is seen by neither.
    """

    checks: ClassVar[tuple[str, ...]] = tuple(dict.fromkeys((*OF_SAMPLED, *Pathfinder.checks)))
    version: ClassVar[int] = Nuts.version + Pathfinder.version - 1
    """Raised by either's: the draws are those of one of them."""
    is_reference: ClassVar[bool] = False

    method: Literal["auto"] = Field(default="auto", description=METHOD_WORDS)  # type: ignore[assignment]
    init: ChainInit = Field(
        default=None,
        description="Nothing: the chains start at Pathfinder's draws, and `pathfinder: {init: 1}` "
        "says where its paths start.",
    )
    pathfinder: Pathfinder = Field(
        default_factory=Pathfinder,
        description="Settings of Pathfinder, as under `method: pathfinder`; at least two `paths`, "
        "which are held to each other.",
    )

    @property
    def procedure(self) -> str:
        """One of its own."""
        return "auto"

    @property
    def start(self) -> float | str | None:
        """How far from zero Pathfinder's paths start at most."""
        return self.pathfinder.start

    @property
    def size(self) -> Size:
        """The chains of NUTS, and the draws that k̂ is of."""
        return Size(super().size.chains, self.pathfinder.size.draws)

    @property
    def decides_by(self) -> tuple[str, ...]:
        """The limit of k̂, and what NUTS decides by."""
        return (KHAT, *super().decides_by)

    @property
    def unused_settings(self) -> frozenset[str]:
        """Those of NUTS, and its start."""
        return super().unused_settings | {"init"}

    @property
    def settings(self) -> dict[str, Any]:
        """Those of NUTS, and those of Pathfinder that decide a result."""
        return {**super().settings, PATHFINDER: self.pathfinder.settings}

    def nuts(self, *, from_pathfinder: bool) -> Nuts:
        """Return NUTS with its settings, from Pathfinder's draws or from CmdStan's own starts."""
        shared = {name: getattr(self, name) for name in Nuts.model_fields if name != "method"}
        return Nuts(**{**shared, "init": PATHFINDER if from_pathfinder else None})

    @model_validator(mode="after")
    def _has_no_other_start(self) -> Self:
        if self.init is not None:
            raise refused(
                "the chains of auto start at Pathfinder's draws",
                at=["init"],
                value=self.init,
                todo="remove init, or move it to pathfinder: {init: …}, where its paths start",
            )
        return self

    @model_validator(mode="after")
    def _has_paths_to_compare(self) -> Self:
        declared = [n for n in _OF_THE_FIT if n in self.pathfinder.model_fields_set]
        if declared:
            raise refused(
                f"{declared[0]} is one of the whole fit",
                at=[PATHFINDER, declared[0]],
                value=getattr(self.pathfinder, declared[0]),
                todo=f"remove it, or declare it beside {PATHFINDER}",
            )
        if self.pathfinder.paths < _FEWEST_PATHS:
            raise refused(
                "one path has no other to be held to",
                at=[PATHFINDER, "paths"],
                value=self.pathfinder.paths,
                allowed=f"{_FEWEST_PATHS} or more",
                todo="4 are a good start",
            )
        if self.pathfinder.init == 0 or isinstance(self.pathfinder.init, str):
            raise refused(
                "paths that start at one point may agree for that reason",
                at=[PATHFINDER, "init"],
                value=self.pathfinder.init,
                allowed="a number > 0, or nothing",
                todo="remove init",
            )
        if not self.pathfinder.resample:
            raise refused(
                "draws that are not resampled are no answer",
                at=[PATHFINDER, "resample"],
                value=False,
                todo="remove resample",
            )
        return self

"""Draws that were made elsewhere: ArviZ's netCDF, or the Stan CSVs of CmdStan's sampler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stanchion.methods.external import (
    External,
    ExternalChains,
    ExternalDraws,
    FileHashes,
    FilePaths,
)
from stanchion.methods.fields import METHOD_WORDS, MethodModels, MethodOnFail, MethodSeed
from stanchion.schema.fields import refused

_CSV = ".csv"


class Draws(External):
    """Draws that were made elsewhere, `method: draws`.

    `file` is a netCDF with ArviZ's group `posterior`, or the Stan CSVs of CmdStan's `sample`, one a
    chain. Names, shapes and bounds are those of the model's program. Groups `log_likelihood`,
    `posterior_predictive` and `predictions` stand for its `log_lik` and for what the analysis
    replicates and predicts; what the file lacks of these is left out, with the reason.
    """

    chain_name: ClassVar[str] = "the file of draws"
    unkeyed: ClassVar[frozenset[str]] = frozenset({"file"})

    method: Literal["draws"] = Field(default="draws", description=METHOD_WORDS)
    file: FilePaths = Field(
        description="The netCDF, or a list of the Stan CSVs in the order of the chains."
    )
    sha256: FileHashes = Field(
        description="The SHA-256 that the file must have, or a list of them in the same order."
    )
    chains: ExternalChains = 4
    draws: ExternalDraws = 1000
    models: MethodModels = None
    seed: MethodSeed = None
    on_fail: MethodOnFail = None

    time_limit: ClassVar[None] = None  # type: ignore[misc]
    """Nothing is run for the draws."""

    @model_validator(mode="after")
    def _has_a_hash_each(self) -> Self:
        if isinstance(self.file, str) != isinstance(self.sha256, str) or len(self._paths) != len(
            self.hashes
        ):
            raise refused(
                f"{len(self.hashes)} SHA-256 for {len(self._paths)} files",
                at=["sha256"],
                allowed="one for a file, or a list as long as that of the files",
                todo="add what `sha256sum` prints of each file",
            )
        if isinstance(self.file, str) and self.file.endswith(_CSV):
            raise refused(
                "one Stan CSV is one chain",
                at=["file"],
                value=self.file,
                todo=f"write a list, [{self.file}], and chains: 1",
            )
        if isinstance(self.file, list) and not all(path.endswith(_CSV) for path in self.file):
            raise refused(
                "a list is of Stan CSVs",
                at=["file"],
                value=self.file,
                todo="name one netCDF, in which all chains are",
            )
        if len(set(self._paths)) < len(self._paths):
            raise refused(
                "a file stands twice", at=["file"], value=self.file, todo="name each chain once"
            )
        if isinstance(self.file, list) and len(self.file) != self.chains:
            raise refused(
                f"{len(self.file)} Stan CSVs for {self.chains} chains",
                at=["chains"],
                value=self.chains,
                todo=f"declare chains: {len(self.file)}, or name a file a chain",
            )
        return self

    @property
    def jobs(self) -> int:
        """None: nothing is sampled before the draws are collected."""
        return 0

    @property
    def settings(self) -> dict[str, Any]:
        """What was declared of it: files are known by their hashes, wherever they lie."""
        if isinstance(self.file, list):
            numbers = range(1, len(self.file) + 1)
            return {**super().settings, "file": [f"chain_{number}.csv" for number in numbers]}
        return {**super().settings, "file": "draws.nc"}

    @property
    def files(self) -> Mapping[str, tuple[str, ...]]:
        """The files of draws."""
        return {"file": self._paths}

    @property
    def hashes(self) -> tuple[str, ...]:
        """What the files of draws must be."""
        return (self.sha256,) if isinstance(self.sha256, str) else tuple(self.sha256)

    @property
    def drawn_files(self) -> tuple[str, ...]:
        """The files of draws."""
        return self._paths

    @property
    def _paths(self) -> tuple[str, ...]:
        return (self.file,) if isinstance(self.file, str) else tuple(self.file)

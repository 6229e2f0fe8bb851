"""What a step gets: its arguments, the paths it reads, and the paths it writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stanchion.plan.keys import key_of
from stanchion.provenance.keyfile import lineage_of

Paths = Mapping[str, "Path | list[Path]"]


@dataclass(frozen=True)
class Job[A]:
    """One step of the plan, with its paths resolved; `notes` end up in its record."""

    step: str
    key: str
    arguments: A
    inputs: Paths
    outputs: Mapping[str, Path]
    log: Path
    descriptors: Mapping[str, int] = field(default_factory=dict)
    """Open files of what is executed, by the input's name."""
    made_of: Mapping[str, Any] = field(default_factory=dict)
    """What the key is made of beside the arguments: step, version, content, upstream; with the
    lineage of the inputs, where a step before need not give the same bytes again."""
    made_in: Mapping[str, Any] = field(default_factory=dict)
    """The run and the state of git's tree that the record names."""
    notes: dict[str, Any] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Return the one input of this name."""
        path = self.inputs[name]
        if isinstance(path, list):
            raise TypeError(f"input {name!r} of {self.step} is a list")
        return path

    def paths(self, name: str) -> list[Path]:
        """Return the inputs of this name, in the plan's order."""
        paths = self.inputs[name]
        if not isinstance(paths, list):
            raise TypeError(f"input {name!r} of {self.step} is one file")
        return paths


@dataclass(frozen=True)
class JobFile:
    """A job as it stands on disk, written by the plan and read by the runner.

    Its key is that of `made_of` (step, version, content, upstream) with `arguments`; `unkeyed` are
    arguments too, and enter no key.
    """

    step: str
    key: str
    made_of: Mapping[str, Any]
    arguments: Mapping[str, Any]
    unkeyed: Mapping[str, Any]
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]
    """What each input must be, by path: a source's SHA-256, a program's canonical form, or an
    output of another step, whose key file says."""
    outputs: Mapping[str, str]
    key_file: str
    stamps: str
    records: str
    log: str
    drop: tuple[str, ...]
    cached: bool
    unrepeated: Mapping[str, str] = field(default_factory=dict)
    """Key by key file of the steps before it whose bytes do not follow from their keys."""

    def made_of_now(self) -> Mapping[str, Any]:
        """Return what a result is made of: with what steps have left that need not repeat it."""
        lineage = lineage_of(self.unrepeated)
        return self.made_of if lineage is None else {**self.made_of, "lineage": lineage}

    def cache_key(self) -> str:
        """Return its result's key in the cache: its own, with what need not repeat before it."""
        if not self.unrepeated:
            return self.key
        return key_of({**self.made_of_now(), "arguments": self.arguments})

    @classmethod
    def read(cls, path: Path) -> JobFile:
        """Read a job file; raises OSError where there is none."""
        content = json.loads(path.read_text())
        for unused in ("schema", "again"):
            content.pop(unused, None)
        return cls(**{**content, "drop": tuple(content["drop"])})

    def text(self, again: str | None = None) -> str:
        """Return the file's text, the same bytes for the same job and the same word `again`."""
        content = {"schema": "stanchion/job/1", **vars(self)}
        if again is not None:
            content["again"] = again
        return json.dumps(content, sort_keys=True) + "\n"

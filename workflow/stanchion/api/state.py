"""What lies in an analysis' folder, held against its records and the declaration: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stanchion.checks.verdicts import OnFail
from stanchion.provenance.stamps import Stamp
from stanchion.versions.difference import Difference

State = Literal["current", "altered", "missing", "stale", "unplanned"]
"""What a fit's results are: as declared; not what their steps wrote; not there; made with
something else than is declared; or without a declaration to hold them against."""


@dataclass(frozen=True)
class Request:
    """What to look at: an analysis of the project in this folder, or a `folder` copied alone."""

    analysis: str
    configfile: str | None = None
    folder: str | None = None


@dataclass(frozen=True)
class File:
    """A file as it was when it was looked at."""

    sha256: str
    stamp: Stamp


@dataclass(frozen=True)
class FitState:
    """A fit, what a failed check of it stops, and what its results are."""

    dataset: str
    model: str
    method: str
    on_fail: OnFail
    state: State

    @property
    def name(self) -> str:
        """The fit's name within its analysis, and its folder there."""
        return f"{self.dataset}/{self.model}/{self.method}"


@dataclass(frozen=True)
class AnalysisState:
    """An analysis: its fits in the order of their declaration, its files, what is not as it was.

    `files` are all that its steps leave, by path within its folder, None where one is missing.
    """

    name: str
    question: str | None
    fits: tuple[FitState, ...]
    files: Mapping[str, File | None]
    altered: tuple[Difference, ...]
    stale: tuple[Difference, ...]
    unplanned: str | None
    """Why nothing can be said of the declaration."""

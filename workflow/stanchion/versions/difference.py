"""One thing that is not as it should be, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a file, a record or a pointer is; each state has a word of its own."""

    ALTERED = "altered"
    """Its content is not what was tracked, or not what the records prove."""
    EXTRA = "extra"
    """It is there, and no step made it."""
    MISSING = "missing"
    """It was tracked, recorded or declared, and is not there."""
    NEWER = "newer, not tracked"
    """Steps made it since the results were tracked, or they never were."""
    UNCOMMITTED = "not committed"
    """A pointer or manifest that git's HEAD does not hold as it is."""
    STALE = "stale"
    """It is as tracked, and the declaration, the data or a program now asks for something else."""


@dataclass(frozen=True)
class Difference:
    """What is not as it should be, where, and why."""

    kind: Kind
    path: str
    what: str

"""What was tried until a fit had its draws: decided by results, inside one step, and never hidden.

A fit whose sampling is one command line has no attempts. The others carry them from the step that
samples through draws.nc to the verdict and the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

PATHFINDER = "pathfinder"
"""The `init` of chains that start at draws of Pathfinder."""
ATTRIBUTE = "attempts"
"""The attribute of the group `posterior` that holds them, as JSON."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One thing that was tried, and what came of it."""

    name: str
    """Such as `Pathfinder`, `adapt_delta 0.9` or `500 draws a chain`."""
    settings: Mapping[str, Any]
    """Those that are others than the declared ones."""
    runs: tuple[str, ...]
    """The programs' runs, by the names of their Stan CSVs in the archive."""
    gradients: int | None
    """Gradients of the log density that it took, None where that is not known."""
    passed: bool
    because: str
    """What was seen of it: why it is the answer, or why something else was tried."""


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """All that was tried for a fit, in order; the last one gave its draws."""

    method: str
    """The method whose draws they are: of `auto` another than the declared one."""
    method_version: int
    settings: Mapping[str, Any]
    """Of that method, as the last attempt had them."""
    tried: tuple[Attempt, ...]
    retries: tuple[str, ...] = ()
    """Each failure that was gone over: a fit with one of them warns at best."""

    @property
    def is_from_approximation(self) -> bool:
        """Whether the chains started at draws of an approximation."""
        return self.settings.get("init") == PATHFINDER

    def as_json(self) -> str:
        """Return them as one line of JSON, the same for the same attempts."""
        return _adapter().dump_json(self).decode()

    @classmethod
    def read(cls, text: str) -> Attempts:
        """Return what `as_json` wrote; raises pydantic's ValidationError where it did not."""
        return _adapter().validate_json(text)


@cache
def _adapter() -> TypeAdapter[Attempts]:
    return TypeAdapter(Attempts)

"""Settings of a search for modes, of `optimize` and of the methods that expand at a mode."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stanchion.schema.fields import Count, refused

MOST_AT_ONCE = 4
"""Starts that run at the same time: more are not worth the cores that a job would wait for."""
Starts = Annotated[
    Count,
    Field(
        description="Starts of the optimiser, each with random numbers of its own; the highest of "
        "the modes that they reach is taken, and several modes are a warning. One alone cannot "
        "show another mode, and warns too."
    ),
]
OptimiserIterations = Annotated[Count, Field(description="Most iterations of the optimiser.")]


def require_distinct_starts(starts: int, init: float | str | None) -> None:
    """Refuse several starts that are one; raises what pydantic takes for a refusal."""
    if starts > 1 and (isinstance(init, str) or init == 0):
        raise refused(
            "all starts are the same from a file or at zero",
            at=["starts"],
            value=starts,
            todo="declare `starts: 1`, or let the starts lie within ± a number above 0",
        )

"""When results are tracked by DVC, and where they are pushed to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stanchion.schema.fields import Section, Text


class Versioning(Section):
    """Versions of results; in no key."""

    track: Literal["by_hand", "after_run"] = Field(
        default="by_hand",
        description="Results are tracked by `stanchion track`, or after each run as well.",
    )
    remote: Text | None = Field(
        default=None,
        description="The DVC remote that results are pushed to; without it, DVC's default one.",
    )

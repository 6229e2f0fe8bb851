"""What a Stan CSV must hold. Standard library only: a chain's step reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rows:
    """The rows of a Stan CSV: `before` that are no draws, then `draws` of them.

    `footer` tells whether the sampler writes the time that it took below them.
    """

    draws: int
    before: int = 0
    footer: bool = True

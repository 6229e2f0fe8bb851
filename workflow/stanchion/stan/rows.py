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

    def are_whole(self, draws: int, parts: int = 1) -> bool:
        """Tell whether so many draws are all of them, or all of some of their equal parts."""
        return 0 < draws <= self.draws and draws * parts % self.draws == 0

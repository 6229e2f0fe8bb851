"""Keys: how they are written, which one was meant, and where each stands in the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Key = tuple[str | int, ...]
OVERRIDE = "--config"


def written(key: Key) -> str:
    """Return a key path as a person reads it, such as `analyses.coaching.datasets[1]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.removeprefix(".")


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the known word that was probably meant, or None."""
    from difflib import get_close_matches

    names = {name.lower(): name for name in words}
    matches = get_close_matches(word.lower(), names, n=1)
    return names[matches[0]] if matches else None


@dataclass(frozen=True)
class Source:
    """Lines by key path; None stands for a value from the command line. All sources are equal."""

    path: str = field(default="", compare=False)
    lines: Mapping[Key, int | None] = field(default_factory=dict, compare=False)

    def where(self, key: Key) -> str | None:
        """Return `file:line` of a key, or of the nearest key above it that was written."""
        for length in range(len(key), -1, -1):
            if key[:length] in self.lines:
                line = self.lines[key[:length]]
                return OVERRIDE if line is None else f"{self.path}:{line}"
        return self.path or None

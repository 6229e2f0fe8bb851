"""A numbered table of a document."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NumberedTable:
    """`words` columns from the left hold words, the others numbers; notes stand below."""

    caption: str
    headings: tuple[str, ...]
    words: int
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

"""Tables of the gallery's pages, as the pages that cite them read them."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

from tests.project import ROOT

_RULE = re.compile(r"\|[-| :]+\|")
_EMPHASIS = re.compile(r"[*`]|\[(?=[^]]*\]\()|\]\([^)]*\)| \([^)]*\)")


def plain(cell: str) -> str:
    """Return a cell without emphasis, links, and what is in brackets behind it."""
    return _EMPHASIS.sub("", cell).strip()


@cache
def cells(page: str) -> dict[tuple[str, str], list[str]]:
    """Return the cells of a page of the gallery by row and column; of several tables each.

    A row is named by its first cell, and by its first two: `ten, centred`.
    """
    lines = (ROOT / f"docs/gallery/{page}.md").read_text().splitlines()
    table: dict[tuple[str, str], list[str]] = {}
    head: list[str] | None = None
    for line, following in pairwise([*lines, ""]):
        row = [plain(cell) for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            head = None
        elif _RULE.fullmatch(following):
            head = row
        elif head is not None and not _RULE.fullmatch(line):
            for column, text in zip(head[1:], row[1:], strict=True):
                for name in (row[0], f"{row[0]}, {row[1]}"):
                    table.setdefault((name, column), []).append(text)
    return table

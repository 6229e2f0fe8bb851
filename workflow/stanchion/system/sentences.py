"""Numbers and names as a sentence has them. Imports the standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import category

_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of the text after them."""


def percent(share: float) -> str:
    """Return a share in per cent with two digits, never a rounded 0 or 100."""
    if share <= 0 or share >= 1:
        return f"{100 * share:.0f} %"
    if share < 0.0001:
        return "< 0.01 %"
    return "> 99 %" if share > 0.99 else f"{100 * share:.2g} %"


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them: `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """Return a number with its noun, in the plural where it is not one."""
    return f"{number} {noun}" if number == 1 else f"{number} {nouns or noun + 's'}"


def visible(text: str) -> str:
    """Return a text whose control characters are written as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c.encode("unicode_escape").decode() if category(c) in _UNSEEN or c in _TURNING else c
        for c in text
    )

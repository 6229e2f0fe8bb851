"""Colour and width of what is printed: NO_COLOR, FORCE_COLOR, TERM=dumb, and pipes.

https://no-color.org; a stream that is no terminal gets text as it is.
"""

from __future__ import annotations

import os
import textwrap
from typing import TextIO

USUAL = 80
_CODES = {"pass": "32", "warn": "33", "waived": "33", "fail": "31", "quiet": "2", "strong": "1"}
_RESET = "\x1b[0m"


def has_colour(stream: TextIO) -> bool:
    """Tell whether a stream is given colours."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "") not in ("", "0"):
        return True
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb")


def styled(text: str, style: str, stream: TextIO) -> str:
    """Return text in the colour of a verdict, where its stream has colours."""
    if not text or style not in _CODES or not has_colour(stream):
        return text
    return f"\x1b[{_CODES[style]}m{text}{_RESET}"


def columns_of(stream: TextIO) -> int | None:
    """Return the columns of a terminal; None of what is none, whose lines have any length."""
    try:
        if not stream.isatty():
            return None
        return os.get_terminal_size(stream.fileno()).columns or USUAL
    except (OSError, ValueError):
        return None


def folded(text: str, width: int | None) -> str:
    """Return text with lines no wider than a terminal; without a width as it is."""
    if width is None:
        return text
    return "\n".join(_fold(line, width) for line in text.split("\n"))


def _fold(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line.lstrip(),
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )

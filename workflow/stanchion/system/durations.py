"""Durations as a person writes them: a whole number and a unit. Standard library only."""

from __future__ import annotations

import re

WORDS = "a whole number and a unit, such as 90s, 30m, 2h or 1d"
PATTERN = r"[1-9][0-9]{0,8}[smhd]"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(text: str) -> int:
    """Return a duration in seconds.

    Raises:
        ValueError: the text is no duration.
    """
    if re.fullmatch(PATTERN, text) is None:
        raise ValueError(f"{text!r} is not {WORDS}")
    return int(text[:-1]) * _SECONDS[text[-1]]


def duration(seconds: float) -> str:
    """Return a time in a person's units, two of them at most."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def time_taken(seconds: float) -> str:
    """Return a time that something took: as `duration`, with tenths below ten seconds."""
    return f"{max(seconds, 0):.1f} s" if seconds < 9.95 else duration(seconds)

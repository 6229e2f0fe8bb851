"""What a sampler's console says of generated quantities, kept at the end of its Stan CSV.

CmdStan writes NaN for all generated quantities of a draw for which one of them fails, and says why
on its console only. Imports the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from stanchion.stan.sources import BELOW, COPIED_PROGRAM

MARK = "# Message: "
"""Begins a line of a Stan CSV: a comment for everybody else who reads it."""
_START, _COMPLAINT = "$ ", "Exception: "
_SHORTENED = "[its log leaves out"
_OF_ANOTHER_KIND = ("Informational Message:", "Error evaluating the log probability")
"""What stands before the exception of a rejected proposal or a rejected initial value."""
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")
_MOST, _LONGEST = 5, 300
_ANEW = re.compile(r"The saved state\b.*: the chain starts anew\.\n")
_UNSAVED = re.compile(r"The chain's state cannot be saved in .*; sampling goes on without\.\n")
_COPY = re.compile(rf"'[^'\n]*/{COPIED_PROGRAM}/(?:{BELOW}/)*")
"""Where a compiled program's own words name the copy of an include."""


def complaints(log: Path) -> list[str]:
    """Return why generated quantities of the last program in a log failed, with how often.

    Messages that differ in numbers only count as one; the first of them is shown.
    """
    counts: dict[str, int] = {}
    first: dict[str, str] = {}
    before = least = ""
    with log.open(encoding="utf-8", errors="replace") as file:
        while line := with_included_names(file.readline(10 * _LONGEST)):
            if line.startswith(_START):
                counts, first, least = {}, {}, ""
            elif line.startswith(_SHORTENED):
                least = "at least "
            elif line.startswith(_COMPLAINT) and not before.startswith(_OF_ANOTHER_KIND):
                kind = _NUMBER.sub("#", line)
                counts[kind] = counts.get(kind, 0) + 1
                first.setdefault(kind, line.removeprefix(_COMPLAINT).strip()[:_LONGEST])
            before = line.lstrip()
    most = sorted(counts, key=lambda kind: -counts[kind])[:_MOST]
    return [f"{least}{_times(counts[kind])}: {first[kind]}" for kind in most]


def started_anew(log: Path) -> str | None:
    """Return what the last program in a log says of a saved state that was of no use to it."""
    return _last_sentence(log, _ANEW)


def not_saved(log: Path) -> str | None:
    """Return what the last program in a log says of a state that it could not save."""
    return _last_sentence(log, _UNSAVED)


def _last_sentence(log: Path, pattern: re.Pattern[str]) -> str | None:
    sentence = None
    with log.open(encoding="utf-8", errors="replace") as file:
        while line := file.readline(10 * _LONGEST):
            if line.startswith(_START):
                sentence = None
            elif pattern.fullmatch(line):
                sentence = line.rstrip()
    return sentence


def with_included_names(text: str) -> str:
    """Return what a compiled program says, with each include's copy named as `#include` names it.

    A compiled program holds the paths of the files that it was made from, and may come from the
    cache, where another project put it.
    """
    return _COPY.sub("'", text)


def append_messages(csv: Path, messages: Sequence[str]) -> None:
    """Write messages to the end of a Stan CSV, as comments."""
    if messages:
        with csv.open("a", encoding="utf-8") as file:
            file.writelines(f"{MARK}{message}\n" for message in messages)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"

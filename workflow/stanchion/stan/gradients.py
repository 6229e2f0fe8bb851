"""Gradients that Pathfinder's optimiser took: counted in its log, kept at the end of its Stan CSV.

CmdStan prints, after each iteration, a sum to which it adds all gradients so far once more, and the
evaluations of the density for the ELBO: of two such sums the difference is a count. Imports the
standard library only.
"""

from __future__ import annotations

import re
from pathlib import Path

MARK = "# Gradients: "
"""Begins a line of a Stan CSV: a comment for everybody else who reads it."""
_START = "$ "
_HEAD = re.compile(r"Path \[(\d+)\] : Iter ")
_BEST = re.compile(r"Path \[(\d+)\] :Best Iter: ")
_ELBO_DRAWS = re.compile(r"\s*num_elbo_draws = (\d+)")
_SUM, _ELBO = 6, 7
_END = 4096


def path_gradients(log: Path) -> int | None:
    """Return the gradients of all paths of the last program in a log; None where it cannot tell.

    Those at which a path starts are no part of its optimiser's count, and are left out.
    """
    sums: dict[str, list[tuple[int, bool]]] = {}
    done: set[str] = set()
    elbo_draws = 0
    with log.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(_START):
                sums, done = {}, set()
            elif match := _ELBO_DRAWS.match(line):
                elbo_draws = int(match[1])
            elif match := _HEAD.match(line):
                words = next(file, "").split()
                if len(words) <= _ELBO or not words[_SUM].isdecimal():
                    return None
                has_elbo = "nan" not in words[_ELBO : _ELBO + 2]
                sums.setdefault(match[1], [(1, False)]).append((int(words[_SUM]), has_elbo))
            elif match := _BEST.match(line):
                done.add(match[1])
    if not sums or not done:
        return None
    counts = [last[0] - before[0] - last[1] * elbo_draws for *_, before, last in sums.values()]
    return sum(counts) if min(counts) > 0 else None


def append_gradients(csv: Path, gradients: int | None) -> None:
    """Write a count to the end of a Stan CSV, as a comment."""
    if gradients is not None:
        with csv.open("a", encoding="utf-8") as file:
            file.write(f"{MARK}{gradients}\n")


def gradients_in(csv: Path) -> int | None:
    """Return the count at the end of a Stan CSV, None where there is none."""
    with csv.open("rb") as file:
        file.seek(max(csv.stat().st_size - _END, 0))
        match = re.search(rf"^{MARK}(\d+)$", file.read().decode(errors="replace"), re.MULTILINE)
    return int(match[1]) if match else None

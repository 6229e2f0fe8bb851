"""How far jobs are: rates, time left, and chains far behind their siblings, from their files."""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from stanchion.stan.progress import SCHEMA
from stanchion.system.folders import PROGRESS
from stanchion.system.temporaries import is_alive

BEHIND = 10.0
"""Times the median of its siblings, beyond which a chain is named."""
_SILENCE = 120.0
"""Seconds without a word after which a job of another machine counts as gone."""
_COMPILING = 3600.0
"""The same of a compilation, which says nothing while it lasts."""
_FEWEST_STEPS = 5000
"""Leapfrog steps of a chain below which no comparison names it: a few long trees are no matter."""
_FEWEST_SECONDS = 30.0
"""Seconds of a chain in warm-up below which it is named by no comparison."""
_DIGITS = re.compile(r"\d+")
_REFRESH = 100
"""Iterations between two lines of the sampler."""


@dataclass(frozen=True)
class JobProgress:
    """One chain that is sampling, or one program that is being compiled."""

    of: str
    """The fit, as analysis/dataset/model/method; of draws from the prior without the method."""
    name: str
    """What messages call it, such as `chain 3`; of a compilation the program's path."""
    phase: str
    """compiling, warmup, sampling, or running where the sampler counts no iterations."""
    seconds: float
    """Since it was started."""
    iteration: int | None = None
    iterations: int | None = None
    """All of them, those of the warm-up included."""
    per_second: float | None = None
    """Iterations per second in this phase."""
    seconds_left: float | None = None
    divergences: int | None = None
    """Of the draws so far; None before there are any."""
    treedepth: float | None = None
    """Mean of the draws so far."""
    deepest: int | None = None
    """Greatest tree depth of the draws so far."""
    behind: str | None = None
    """In words, where the chain is far behind its siblings."""


def known_progress(analyses: Collection[str] = (), folder: Path | None = None) -> list[JobProgress]:
    """Return how far the jobs of this project are, of these analyses or of all; compiling first.

    Of a file that cannot be read, or whose job is gone, there is nothing.
    """
    root = Path(PROGRESS) if folder is None else folder
    siblings: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(root.rglob("*.json"), key=_by_number):
        of = path.parent.relative_to(root).as_posix()
        chosen = not analyses or of.partition("/")[0] in analyses
        content = _content(path)
        if content is not None and (chosen or content["phase"] == "compiling"):
            siblings[of].append(content)
    jobs = [
        job
        for of, contents in siblings.items()
        for content in contents
        if (job := _job(of, content, contents, time.time())) is not None
    ]
    return sorted(jobs, key=lambda job: job.phase != "compiling")


def rate(content: Mapping[str, Any]) -> float | None:
    """Return iterations per second since the phase began; None before there are any."""
    origin = content.get("origin")
    if origin is None or content["iteration"] <= origin[0] or content["at"] <= origin[1]:
        return None
    return float((content["iteration"] - origin[0]) / (content["at"] - origin[1]))


def seconds_left(content: Mapping[str, Any], elapsed: float) -> float | None:
    """Return seconds to the end at the rate of this phase, `elapsed` after the start."""
    per_second = rate(content)
    if per_second is None:
        return None
    left = (content["total"] - content["iteration"]) / per_second
    return max(left - (elapsed - content["at"]), 0.0)


def behind(
    content: Mapping[str, Any], siblings: Sequence[Mapping[str, Any]], elapsed: float
) -> str | None:
    """Return in words how far a chain is behind its siblings at the same iteration, if it is.

    Leapfrog steps are compared where the chain has draws. Those of the warm-up are not in its
    output: there, and until draws are written, the time counts.
    """
    if content.get("steps"):
        iteration, steps = content["steps"][-1]
        usual = _median_at([s.get("steps") or [] for s in siblings], iteration)
        if usual is not None and steps > max(BEHIND * usual, _FEWEST_STEPS):
            return (
                f"{steps / max(usual, 1):.0f} times the leapfrog steps of its siblings "
                f"at iteration {iteration}"
            )
        return None
    if content.get("resumed") or not content.get("total"):
        return None
    iteration = min(content["iteration"] // _REFRESH * _REFRESH + _REFRESH, content["total"])
    others = [s.get("times") or [] for s in siblings if not s.get("resumed")]
    usual = _median_at(others, iteration)
    if usual is not None and elapsed > max(BEHIND * usual, _FEWEST_SECONDS):
        return (
            f"{elapsed / max(usual, 0.1):.0f} times the time of its siblings, "
            f"and not at iteration {iteration} yet"
        )
    return None


def _median_at(traces: Sequence[Sequence[Sequence[float]]], iteration: int) -> float | None:
    """Return the median of those that have come as far, None where no chain has."""
    values = [value for trace in traces if (value := _at(trace, iteration)) is not None]
    return median(values) if values else None


def _at(trace: Sequence[Sequence[float]], iteration: int) -> float | None:
    """Return what a chain had used by an iteration: the line between the points beside it."""
    before = (0.0, 0.0)
    for reached, value in trace:
        if reached >= iteration:
            share = (iteration - before[0]) / (reached - before[0]) if reached > before[0] else 1
            return before[1] + share * (value - before[1])
        before = (reached, value)
    return None


def _job(
    of: str, content: Mapping[str, Any], siblings: Sequence[Mapping[str, Any]], now: float
) -> JobProgress | None:
    if content["ended"] or not _goes_on(content, now):
        return None
    try:
        elapsed = max(content["seconds"] + now - content["updated"], content["seconds"])
        others = [s for s in siblings if s is not content and s["phase"] != "compiling"]
        has_total = content.get("total") is not None
        return JobProgress(
            of,
            content["name"],
            content["phase"],
            elapsed,
            iteration=_whole(content["iteration"]) if has_total else None,
            iterations=_whole(content["total"]) if has_total else None,
            per_second=rate(content) if has_total else None,
            seconds_left=seconds_left(content, elapsed) if has_total else None,
            divergences=_whole(content.get("divergences")),
            treedepth=None if content.get("treedepth") is None else float(content["treedepth"]),
            deepest=_whole(content.get("deepest")),
            behind=behind(content, others, elapsed) if has_total else None,
        )
    except (ArithmeticError, KeyError, TypeError, ValueError, IndexError):
        return None


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _goes_on(content: Mapping[str, Any], now: float) -> bool:
    """Tell whether a job still runs: here by its process, elsewhere by its last word."""
    silence = _COMPILING if content["phase"] == "compiling" else _SILENCE
    if content["host"] == os.uname().nodename and not is_alive(content["process"]):
        return False
    return now - float(content["updated"]) < silence


def _content(path: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        content: dict[str, Any] = json.loads(path.read_text())
        numbers = (content["updated"], content["seconds"], float(int(content["process"])))
        words = (content["host"], content["phase"], content["name"], content["ended"])
        for trace in ("steps", "times"):
            content[trace] = [(int(i), float(value)) for i, value in content.get(trace) or ()]
        if content["schema"] == SCHEMA and all(map(math.isfinite, numbers)) and words:
            return content
    return None


def _by_number(path: Path) -> tuple[str, int, str]:
    """Return the order of files: chain 10 after chain 9."""
    number = _DIGITS.search(path.stem)
    return str(path.parent), int(number[0]) if number else 0, path.stem

"""How progress is shown: a block of lines for a terminal, one line for a log, JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from stanchion.runs.progress import JobProgress
from stanchion.system.durations import duration

_MOST_FITS = 3
"""Fits that the one line of a log names."""
_WORDS = {"warmup": "warm-up", "sampling": "sampling", "running": "running"}


def block(jobs: Sequence[JobProgress], *, width: int, height: int) -> list[str]:
    """Return lines for a terminal: each fit with its chains, or a line a fit where they are many.

    No line is wider than `width`, and there are at most `height`.
    """
    lines = list(_chain_lines(jobs))
    if len(lines) > height:
        lines = [*_compilations(jobs), *(f"{of}: {_gist(fit)}" for of, fit in _fits(jobs))]
    if len(lines) > height:
        rest = len(lines) - (height - 1)
        lines = [*lines[: height - 1], f"… and {rest} more"]
    return [_cut(line, width) for line in lines]


def sentence(jobs: Sequence[JobProgress]) -> str:
    """Return one line for a log; empty where nothing goes on."""
    fits = list(_fits(jobs))
    parts = [*_compilations(jobs), *(f"{of}: {_gist(fit)}" for of, fit in fits[:_MOST_FITS])]
    rest = fits[_MOST_FITS:]
    if rest:
        chains = sum(len(fit) for _, fit in rest)
        parts.append(f"and {chains} chain{'s' if chains > 1 else ''} of {len(rest)} more fits")
    return "; ".join(parts)


def far_behind(job: JobProgress) -> str:
    """Return the sentence that names a chain far behind its siblings."""
    return f"{job.of}: {job.name} is far behind: {job.behind}"


def as_json(jobs: Sequence[JobProgress]) -> list[dict[str, Any]]:
    """Return progress as plain JSON."""
    return [asdict(job) for job in jobs]


def _compilations(jobs: Sequence[JobProgress]) -> list[str]:
    """Return a line a program that is being compiled."""
    return [
        f"compiling {job.name}, {duration(job.seconds)}" for job in jobs if job.phase == "compiling"
    ]


def _fits(jobs: Sequence[JobProgress]) -> Iterator[tuple[str, list[JobProgress]]]:
    chains = [job for job in jobs if job.phase != "compiling"]
    for of, fit in groupby(chains, key=lambda job: job.of):
        yield of, list(fit)


def _chain_lines(jobs: Sequence[JobProgress]) -> Iterator[str]:
    yield from _compilations(jobs)
    for of, fit in _fits(jobs):
        yield of
        for job in fit:
            yield "  ".join(["", job.name, *_facts(job)])


def _facts(job: JobProgress) -> Iterator[str]:
    """Yield what is known of a chain, the most wanted first: narrow terminals cut the rest."""
    if job.iteration is None or not job.iterations:
        yield f"{_WORDS[job.phase]}, {duration(job.seconds)}"
        return
    share = 100 * job.iteration // job.iterations
    yield f"{job.iteration} / {job.iterations} ({share} %)"
    if job.seconds_left is not None:
        yield f"{duration(job.seconds_left)} left"
    yield _WORDS[job.phase]
    if job.behind is not None:
        yield f"FAR BEHIND: {job.behind}"
    if job.per_second is not None:
        yield f"{job.per_second:.3g}/s"
    if job.divergences is not None:
        yield _divergences(job.divergences)
    if job.treedepth is not None:
        yield f"tree depth {job.treedepth:.1f}, at most {job.deepest}"


def _gist(fit: Sequence[JobProgress]) -> str:
    """Return a fit in a phrase: its chains together, and the one that will be last."""
    number = f"{len(fit)} chain{'s' if len(fit) > 1 else ''}"
    counted = [job for job in fit if job.iteration is not None and job.iterations]
    if not counted:
        return f"{number} running, {duration(max(job.seconds for job in fit))}"
    done = sum(job.iteration or 0 for job in counted)
    total = sum(job.iterations or 0 for job in counted)
    parts = [f"{number}, {done} of {total} iterations ({100 * done // total} %)"]
    rates = [job.per_second for job in counted if job.per_second is not None]
    if rates:
        parts.append(f"{sum(rates):.3g}/s")
    left = [job.seconds_left for job in counted if job.seconds_left is not None]
    if len(left) == len(counted):
        parts.append(f"{duration(max(left))} left")
    divergences = [job.divergences for job in counted if job.divergences is not None]
    if divergences:
        parts.append(_divergences(sum(divergences)))
    deepest = [job.deepest for job in counted if job.deepest is not None]
    if deepest:
        parts.append(f"tree depth at most {max(deepest)}")
    return ", ".join(parts + [f"{job.name} FAR BEHIND" for job in counted if job.behind])


def _divergences(number: int) -> str:
    return f"{number} divergence{'' if number == 1 else 's'}"


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: max(width - 1, 0)] + "…"

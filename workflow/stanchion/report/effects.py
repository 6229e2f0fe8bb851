"""Conditional effects: what is held, and in a sentence an effect what its picture shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stanchion.checks.verdicts import FAIL
from stanchion.plan.report_arguments import Fit
from stanchion.report.numbers import exact, supported
from stanchion.report.pictures import Shown
from stanchion.report.reading import number
from stanchion.system.sentences import listed, percent

_FAILED_PRIOR = "its draws failed their checks"
_MOST_LEVELS = 6
"""Levels that a sentence names; of more, the lowest and the highest."""


@dataclass(frozen=True)
class Effects:
    """A fit's conditional effects; `because` says why there are none, `note` why some are."""

    fit: Fit
    because: str
    note: str
    interval: str
    held: tuple[str, ...]
    sentences: tuple[str, ...]
    shows_data: str
    """The variable that was observed, where the picture shows it."""
    pictures: tuple[Shown, ...]
    shows_prior: bool = False
    """Whether draws of the prior are shown too."""
    no_prior: str = ""
    """Why they are not, where the prior's draws are declared."""


def effects(
    fit: Fit, content: Mapping[str, Any], pictures: tuple[Shown, ...], prior: str | None = None
) -> Effects:
    """Return a fit's effects as the report words them; its pictures say the same in words.

    `prior` is the verdict on the draws of the model's prior, None where none are declared.
    """
    if not content["made"]:
        return Effects(fit, content["because"], "", "", (), (), "", pictures)
    sentences = tuple(_sentence(content, effect) for effect in content["effects"])
    words = " ".join(sentences)
    with_lines = [e for e in content["effects"] if any("prior" in line for line in e["lines"])]
    because = content["prior_because"] or ""
    return Effects(
        fit=fit,
        because="",
        note=content["because"] or "",
        interval=_interval(content["interval"]),
        held=tuple(_held(held) for held in content["held"] if not _is_always_shown(held, content)),
        sentences=sentences,
        shows_data=content["observed"]["outcome"] or "",
        pictures=tuple(replace(shown, alt=f"{shown.alt}. {words}") for shown in pictures),
        shows_prior=any(effect["prior_because"] is None for effect in with_lines),
        no_prior=because or (_FAILED_PRIOR if prior == FAIL and not with_lines else ""),
    )


def _interval(interval: Mapping[str, Any]) -> str:
    kind = "highest density interval" if interval["kind"] == "hdi" else "interval"
    return f"{percent(interval['prob'])} {kind}"


def _is_always_shown(held: Mapping[str, Any], content: Mapping[str, Any]) -> bool:
    """Tell whether a column is a predictor of each effect, and so is held in none."""
    return all(held["column"] in (e["predictor"], e["by"]) for e in content["effects"])


def _held(held: Mapping[str, Any]) -> str:
    return f"{held['column']} {_value(held['value'])} ({held['how']})"


def _sentence(content: Mapping[str, Any], effect: Mapping[str, Any]) -> str:
    """Return what an effect's lines do, each in a clause."""
    titles = content["titles"]
    named = {**effect, "by": titles.get(effect["by"], effect["by"])}
    clauses = [_clause(named, line) for line in effect["lines"]]
    predictor = titles.get(effect["predictor"], effect["predictor"])
    return f"{content['variable']} over {predictor}: {'; '.join(clauses)}."


def _clause(effect: Mapping[str, Any], line: Mapping[str, Any]) -> str:
    rows = line["rows"]
    with_value = [row for row in rows if row["mean"] is not None]
    by = f"with {effect['by']} {_value(line['by_value'])}, " if effect["by"] is not None else ""
    if not with_value:
        return f"{by}no finite value"
    if effect["kind"] == "level":
        return by + listed([*_levels(with_value)])
    first, last = with_value[0], with_value[-1]
    turns = [*_turns(with_value)]
    return by + ", ".join([f"{_at(first)}", *turns, f"{_at(last)}"])


def _levels(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(rows) <= _MOST_LEVELS:
        yield from map(_at, rows)
        return
    yield f"lowest {_at(min(rows, key=lambda row: row['mean']))}"
    yield f"highest {_at(max(rows, key=lambda row: row['mean']))}"


def _turns(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lowest and the highest mean of a line, where they are not at its ends."""
    for word, row in (
        ("lowest", min(rows, key=lambda row: row["mean"])),
        ("highest", max(rows, key=lambda row: row["mean"])),
    ):
        if row not in (rows[0], rows[-1]):
            yield f"{word} {_at(row)}"


def _at(row: Mapping[str, Any]) -> str:
    """Return mean and interval at a value, with the digits that the interval's width supports."""
    lower, upper = number(row["lower"]), number(row["upper"])
    mean, low, high = (
        supported(value, float("nan"), (upper - lower) / 3.3)
        for value in (number(row["mean"]), lower, upper)
    )
    return f"{mean} [{low}, {high}] at {_value(row['value'])}"


def _value(value: object) -> str:
    return exact(float(value)) if isinstance(value, int | float) else str(value)

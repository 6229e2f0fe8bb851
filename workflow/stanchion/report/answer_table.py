"""The answers of an analysis as one table, with the digits that their errors support."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, nan
from typing import Any

from stanchion.checks.verdicts import FAIL
from stanchion.report.numbered import NumberedTable
from stanchion.report.numbers import MISSING, significant, supported
from stanchion.report.reading import number

Content = Mapping[str, Any]


def answer_table(content: Content, because: Mapping[str, str], source: str) -> NumberedTable:
    """Return the table of answers.json; `because` says of failed fits, by path, what is wrong.

    The answer of a failed fit has no number, and a note says why.
    """
    answers = content["answers"]
    shared = _shared_unit(answers)
    interval = _interval(content["interval"])
    in_unit = f" ({shared})" if shared else ""
    headings = [
        "answer",
        "fit",
        "of",
        "verdict",
        *(() if shared is not None else ("unit",)),
        f"value{in_unit}",
        f"{interval}, from{in_unit}",
        f"to{in_unit}",
        f"MCSE{in_unit}",
    ]
    rows, notes = [], dict[str, None]()
    for answer in answers:
        for fit in answer["fits"]:
            why = _why(fit, because)
            if why:
                notes[f"{_path(fit)} gives no value: {why}"] = None
            for label, numbers in _rows(fit, why):
                unit = () if shared is not None else (answer["unit"] or "",)
                rows.append((answer["answer"], _path(fit), label, fit["verdict"], *unit, *numbers))
    words = len(headings) - 4
    return NumberedTable("Answers", tuple(headings), words, tuple(rows), (*notes, source))


def _path(fit: Content) -> str:
    return "/".join(filter(None, (fit["dataset"], fit["model"], fit["method"])))


def _why(fit: Content, because: Mapping[str, str]) -> str:
    if fit["because"]:
        return f"{fit['because']}."
    return because.get(_path(fit), "it failed its checks.") if fit["verdict"] == FAIL else ""


def _rows(fit: Content, why: str) -> Iterator[tuple[str, Sequence[str]]]:
    if why:
        yield "", (MISSING,) * 4
        return
    for row in fit["rows"]:
        value, lower, upper, mcse, sd = (
            number(row.get(name)) for name in ("value", "lower", "upper", "mcse", "sd")
        )
        ends = (supported(end, nan, sd) if isfinite(end) else MISSING for end in (lower, upper))
        yield row["label"], (supported(value, mcse, sd), *ends, significant(mcse, 2))


def _shared_unit(answers: Sequence[Content]) -> str | None:
    """Return the unit that all answers have, "" where none has one; None where they differ."""
    units = {answer["unit"] or "" for answer in answers}
    return units.pop() if len(units) == 1 else None


def _interval(declared: Content) -> str:
    kind = "HDI" if declared["kind"] == "hdi" else "interval"
    return f"{100 * declared['prob']:g} % {kind}"

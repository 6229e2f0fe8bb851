"""The answers of an analysis as one table, with the digits that their errors support."""

from __future__ import annotations

from collections.abc import Sequence

from stanchion.report.answers import Answer, Element, FitAnswer
from stanchion.report.numbered import NumberedTable
from stanchion.report.numbers import MISSING


def answer_table(answers: Sequence[Answer], source: str) -> NumberedTable:
    """Return the table of all answers; below it each in a sentence, that of a failed fit why.

    Units stand in the headings where all answers have the same, else in a column.
    """
    units = {answer.unit for answer in answers}
    asked = [(answer, fit) for answer in answers for fit in answer.asked]
    has_labels = any(element.label for _, fit in asked for element in fit.elements)
    named = ["answer", "fit", *(["of"] if has_labels else []), "verdict"]
    words = [*named, *(["unit"] if len(units) > 1 else [])]
    in_unit = f" ({unit})" if len(units) == 1 and (unit := min(units)) else ""
    interval = f"{answers[0].interval}, from"
    numbers = [f"{heading}{in_unit}" for heading in ("value", interval, "to", "MCSE")]
    rows = [
        (
            answer.name,
            _path(fit),
            *([element.name if element is not None else ""] if has_labels else []),
            fit.verdict,
            *([answer.unit] if len(units) > 1 else []),
            *_cells(element),
        )
        for answer, fit in asked
        for element in fit.elements or (None,)
    ]
    sentences = [f"{answer.name} ({_path(fit)}): {fit.sentence}" for answer, fit in asked]
    headings = (*words, *numbers)
    return NumberedTable("Answers", headings, len(words), tuple(rows), (*sentences, source))


def _path(fit: FitAnswer) -> str:
    if not fit.method:
        return f"{fit.dataset}, {fit.name}"
    return f"{fit.dataset}/{fit.model}/{fit.method}"


def _cells(element: Element | None) -> tuple[str, ...]:
    if element is None:
        return (MISSING,) * 4
    ends = element.interval or (MISSING, MISSING)
    return (element.value, *ends, element.error or MISSING)

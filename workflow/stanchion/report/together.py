"""All models of a dataset in one picture of intervals: the variables that are declared for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from stanchion.report.arrangement import Arrangement, arranged
from stanchion.report.estimates import Drawn, Ends, drawn_pictures, most_drawn, quantities_of
from stanchion.report.reading import Summary
from stanchion.report.verdicts import FitView
from stanchion.system.sentences import listed

MOST_READ = 200
"""Rows of a fit that are read, among which the order of medians looks for the largest."""


@dataclass(frozen=True)
class Together:
    """The picture of a dataset's models, in parts where there are more fits than marks."""

    dataset: str
    pictures: tuple[Drawn, ...]
    remarks: tuple[str, ...]


def together(
    dataset: str,
    fits: Sequence[FitView],
    summaries: Sequence[Summary],
    ends: Ends,
    arrangement: Arrangement,
) -> Together:
    """Return the picture of fits of one dataset; summaries are of the declared variables alone.

    A quantity is the same in two models where its label is. Fits that are stopped are left out.
    """
    pairs = list(zip(fits, aligned(summaries), strict=True))
    usable = [(fit, summary) for fit, summary in pairs if not fit.stopped and summary.rows]
    quantities = arranged(quantities_of([s for _, s in usable], ends), arrangement)
    most = most_drawn(len(usable))
    names = _names([fit for fit, _ in usable])
    return Together(
        dataset=dataset,
        pictures=tuple(drawn_pictures(quantities[:most], usable, names)),
        remarks=tuple(_remarks(pairs, len(quantities), most, arrangement)),
    )


def aligned(summaries: Sequence[Summary]) -> list[Summary]:
    """Return summaries in which what has the same label has the name of the first that has it."""
    names: dict[str, str] = {}
    result = []
    for summary in summaries:
        labels, rows = {}, {}
        for name, numbers in summary.rows.items():
            label = summary.labels.get(name, name)
            if label not in names:
                names[label] = label if name in names.values() else name
            labels[names[label]], rows[names[label]] = label, numbers
        result.append(replace(summary, rows=rows, labels=labels))
    return result


def _names(fits: Sequence[FitView]) -> list[str]:
    """Return the models' names, with the method where there are several."""
    if len({fit.label for fit in fits}) == 1:
        return [fit.fit.model for fit in fits]
    return [f"{fit.fit.model}, {fit.label}" for fit in fits]


def _remarks(
    pairs: Sequence[tuple[FitView, Summary]], total: int, most: int, arrangement: Arrangement
) -> Iterator[str]:
    stopped = [f"{fit.fit.model}/{fit.fit.method}" for fit, _ in pairs if fit.stopped]
    if stopped:
        ending = (
            "failed its checks, and is" if len(stopped) == 1 else "failed their checks, and are"
        )
        yield f"{listed(stopped)} {ending} left out."
    if total > most:
        yield f"The first {most} of {total} quantities."
    if arrangement.declared.order == "median":
        yield "Each variable's largest median first, by the first fit that has one."

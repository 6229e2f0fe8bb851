"""Parameters with their intervals: the fits of one dataset and model side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched
from math import nan

from stanchion.plan.arguments import Intervals
from stanchion.plan.report_arguments import Pair
from stanchion.report.arrangement import Arrangement, arranged
from stanchion.report.forest import MOST_TOGETHER, Interval, Panel, Quantity, forest
from stanchion.report.numbers import count, quantile_error, significant, supported
from stanchion.report.reading import Scalar, Summary
from stanchion.report.verdicts import FitView
from stanchion.report.wording import shown
from stanchion.stats.intervals import CENTRAL, ERROR, ESTIMATE, interval_names
from stanchion.system.sentences import counted

AT_SIGHT, MOST_DRAWN, LEAST_DRAWN, MOST_LINES = 16, 32, 8, 128
"""Rows of a table; quantities of a picture, and what its lines allow of these."""
_MOST_LINES_AT_SIGHT, _LEAST_AT_SIGHT = 64, 2
_MOST_ROWS, _MOST_OF_A_FIT, _LEAST_OF_A_FIT = 2000, 200, 16


@dataclass(frozen=True)
class Ends:
    """An interval's columns in summary.csv, their headings, and the probability below the first."""

    columns: tuple[str, ...]
    headings: tuple[str, str]
    below: float
    name: str


@dataclass(frozen=True)
class Line:
    """What one fit says of a quantity."""

    method: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A quantity, with a line for each fit that has it."""

    scalar: Scalar
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Table:
    """Rows at sight, rows that are folded, and what is left out.

    `method` is that of all lines where they have one, which then needs no column.
    """

    method: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    folded: tuple[Row, ...]
    omitted: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Legend:
    """A fit's mark in the picture, by its place; that of a point has no line."""

    fit: int
    method: str
    verdict: str
    is_point: bool


@dataclass(frozen=True)
class Drawn:
    """A picture of some fits, no more than there are marks, with its legend."""

    legend: tuple[Legend, ...]
    panels: tuple[Panel, ...]

    def entry(self, fit: int) -> Legend:
        """Return the legend's entry of a fit that is drawn."""
        return self.legend[fit - self.legend[0].fit]


@dataclass(frozen=True)
class Estimates:
    """What is known of a model's quantities from one dataset.

    The fits that may be used share picture and table, points in one of their own; those that are
    stopped have others, for looking at what went wrong.
    """

    pair: Pair
    fits: tuple[FitView, ...]
    pictures: tuple[Drawn, ...]
    remarks: tuple[str, ...]
    table: Table | None
    points: Table | None
    stopped: tuple[Table, ...]

    @property
    def caption(self) -> str:
        """What the table of the fits that may be used is of."""
        posterior = any(fit.fit.is_posterior for fit in self.fits)
        kind = "Posterior" if posterior else "Simulation"
        return f"{kind} of {self.pair.model} on {self.pair.dataset}"

    @property
    def points_caption(self) -> str:
        """What the table of points is of."""
        return f"Modes of {self.pair.model} on {self.pair.dataset}"


def rows_of_a_fit(fits: int) -> int:
    """Return how many rows of each summary are shown, so that a report of many fits stays small."""
    return min(max(_MOST_ROWS // max(fits, 1), _LEAST_OF_A_FIT), _MOST_OF_A_FIT)


def ends_of(intervals: Intervals | None) -> Ends:
    """Return the interval that is shown: the declared one, else from 5 % to 95 %."""
    if intervals is None:
        return Ends(CENTRAL, ("5 %", "95 %"), 0.05, "5–95 % interval")
    share = f"{100 * intervals.prob:g}"
    hdi = intervals.kind == "hdi"
    name = f"{share} % {'highest-density' if hdi else 'equal-tailed'} interval"
    short = f"{share} % {'HDI' if hdi else 'interval'}"
    return Ends(
        interval_names(vars(intervals)),
        (f"{short}, from", "to"),
        (1 - intervals.prob) / 2,
        name,
    )


def estimates(
    pair: Pair,
    fits: Sequence[FitView],
    summaries: Sequence[Summary],
    ends: Ends,
    arrangement: Arrangement | None = None,
    *,
    is_small: bool = False,
) -> Estimates:
    """Return the pictures and the tables of one dataset and model; lists are aligned by fit.

    A small one of many has a picture of few quantities.
    """
    arrangement = arrangement or Arrangement()
    pairs = list(zip(fits, summaries, strict=True))
    usable = [(fit, summary) for fit, summary in pairs if not fit.stopped]
    stopped = [(fit, summary) for fit, summary in pairs if fit.stopped]
    quantities = arranged(quantities_of([summary for _, summary in usable], ends), arrangement)
    most = LEAST_DRAWN if is_small else most_drawn(len(usable))
    return Estimates(
        pair=pair,
        fits=tuple(fits),
        pictures=tuple(drawn_pictures(quantities[:most], usable)),
        remarks=tuple(_remarks(quantities, usable, most, arrangement)),
        table=_table(_drawn(usable), ends) if _drawn(usable) else None,
        points=_point_table(_points_of(usable)) if _points_of(usable) else None,
        stopped=tuple(_tables(stopped, ends)),
    )


def most_drawn(fits: int) -> int:
    """Return how many quantities a picture of so many fits has."""
    return min(max(MOST_LINES // max(fits, 1), LEAST_DRAWN), MOST_DRAWN)


def cells(numbers: Mapping[str, float], ends: Ends, rhat_limit: float | None) -> tuple[str, ...]:
    """Return a row's numbers as text, each with the digits that its own error supports."""
    sd = numbers["sd"]
    at_middle = quantile_error(sd, numbers["ess_bulk"], 0.5)
    at_end = quantile_error(sd, numbers["ess_tail"], ends.below)
    limit = nan if rhat_limit is None else rhat_limit
    return (
        supported(numbers["mean"], numbers["mcse_mean"], sd),
        supported(sd, numbers["mcse_sd"], sd),
        supported(numbers["median"], at_middle, sd),
        *(supported(numbers[column], at_end, sd) for column in ends.columns),
        significant(numbers["mcse_mean"], 2),
        count(numbers["ess_bulk"]),
        count(numbers["ess_tail"]),
        shown("rhat", numbers["rhat"], limit),
    )


def point_cells(numbers: Mapping[str, float]) -> tuple[str, str]:
    """Return a point's estimate and standard error, with two digits of the latter."""
    error = numbers[ERROR]
    return supported(numbers[ESTIMATE], nan, error), significant(error, 2)


def drawn_table(
    fits: Sequence[tuple[FitView, Summary]], ends: Ends, file: str = "summary.csv"
) -> Table:
    """Return the table of draws of some fits, whose unrounded numbers are in a file of each."""
    table = _table(fits, ends)
    return replace(table, paths=tuple(f"{fit.fit.path}/{file}" for fit, _ in fits))


def _drawn(fits: Sequence[tuple[FitView, Summary]]) -> list[tuple[FitView, Summary]]:
    return [(fit, summary) for fit, summary in fits if not summary.is_point]


def _points_of(fits: Sequence[tuple[FitView, Summary]]) -> list[tuple[FitView, Summary]]:
    return [(fit, summary) for fit, summary in fits if summary.is_point]


def _tables(fits: Sequence[tuple[FitView, Summary]], ends: Ends) -> Iterator[Table]:
    """Yield the table of those with draws, and that of points."""
    if drawn := _drawn(fits):
        yield _table(drawn, ends)
    if points := _points_of(fits):
        yield _point_table(points)


def _headings(ends: Ends) -> tuple[str, ...]:
    return ("mean", "sd", "median", *ends.headings, "MCSE", "bulk ESS", "tail ESS", "R-hat")


def _scalars(summaries: Sequence[Summary]) -> list[Scalar]:
    """Return all that have a row, each once, with the label of the first fit that has one."""
    labels: dict[str, str] = {}
    for summary in summaries:
        for name in summary.rows:
            labels.setdefault(name, summary.labels.get(name, name))
    return [Scalar(name, label) for name, label in labels.items()]


def quantities_of(summaries: Sequence[Summary], ends: Ends) -> list[Quantity]:
    """Return each quantity with its interval in the fits that have one, by the fit's place."""
    low, high = ends.columns
    return [
        Quantity(
            scalar,
            tuple(
                _point(index, numbers)
                if summary.is_point
                else Interval(index, numbers[low], numbers["median"], numbers[high])
                for index, summary in enumerate(summaries)
                if (numbers := summary.rows.get(scalar.name)) is not None
            ),
        )
        for scalar in _scalars(summaries)
    ]


def _point(index: int, numbers: Mapping[str, float]) -> Interval:
    return Interval(index, *(numbers[ESTIMATE],) * 3, is_point=True)


def drawn_pictures(
    quantities: Sequence[Quantity],
    usable: Sequence[tuple[FitView, Summary]],
    names: Sequence[str] | None = None,
) -> Iterator[Drawn]:
    """Yield a picture for as many fits as there are marks, all on the same axes.

    The legend has the fits' methods, or these names.
    """
    names = names or [fit.label for fit, _ in usable]
    legend = [
        Legend(index, name, fit.verdict, summary.is_point)
        for index, (name, (fit, summary)) in enumerate(zip(names, usable, strict=True))
    ]
    for entries in batched(legend, MOST_TOGETHER):
        panels = forest(quantities, {entry.fit for entry in entries})
        if panels:
            yield Drawn(entries, panels)


def _remarks(
    quantities: Sequence[Quantity],
    usable: Sequence[tuple[FitView, Summary]],
    most: int,
    arrangement: Arrangement,
) -> Iterator[str]:
    """Say what the picture leaves out, and how it is ordered."""
    total = max((summary.total for _, summary in usable), default=0)
    if total > most:
        yield f"The first {most} of {total} quantities."
    if arrangement.declared.order == "median":
        read = f", among the first {len(quantities)}" if total > len(quantities) else ""
        yield f"Each variable's largest median first{read}."
    group = arrangement.declared.group
    if group is not None and not any(quantity.group for quantity in quantities):
        yield f"Nothing is grouped: no quantity has a label along {group}."


def _table(fits: Sequence[tuple[FitView, Summary]], ends: Ends) -> Table:
    return _lined(
        fits,
        _headings(ends),
        lambda fit, numbers: cells(numbers, ends, fit.fit.checks["rhat"]),
    )


def _point_table(fits: Sequence[tuple[FitView, Summary]]) -> Table:
    return _lined(fits, ("estimate", "standard error"), lambda _, numbers: point_cells(numbers))


def _lined(
    fits: Sequence[tuple[FitView, Summary]],
    headings: tuple[str, ...],
    to_cells: Callable[[FitView, Mapping[str, float]], tuple[str, ...]],
) -> Table:
    """Return a table of all quantities, with a line for each fit that has one."""
    rows = [
        Row(
            scalar,
            tuple(
                Line(fit.label, to_cells(fit, numbers))
                for fit, summary in fits
                if (numbers := summary.rows.get(scalar.name)) is not None
            ),
        )
        for scalar in _scalars([summary for _, summary in fits])
    ]
    omitted = max(summary.total for _, summary in fits) - len(rows)
    at_sight = min(max(_MOST_LINES_AT_SIGHT // len(fits), _LEAST_AT_SIGHT), AT_SIGHT)
    methods = {fit.label for fit, _ in fits}
    return Table(
        method=methods.pop() if len(methods) == 1 else "",
        headings=headings,
        rows=tuple(rows[:at_sight]),
        folded=tuple(rows[at_sight:]),
        omitted=counted(omitted, "more row") if omitted > 0 else "",
        paths=tuple(f"{fit.fit.path}/summary.csv" for fit, _ in fits),
    )

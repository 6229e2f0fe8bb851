"""Posterior predictive checks, predictions for new rows, and prior predictive checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

from stanchion.plan.report_arguments import Fit, Prior
from stanchion.report.data import heading
from stanchion.report.estimates import Ends
from stanchion.report.numbers import MISSING, decimals, exact, probability, significant, supported
from stanchion.report.pictures import Shown
from stanchion.report.reading import Judged, number
from stanchion.report.wording import CheckView, by_gravity, check_view, tail
from stanchion.system.sentences import counted

AT_SIGHT, MOST_ROWS = 24, 200


@dataclass(frozen=True)
class Named:
    """A row of a table: what it is of, its cells, and the values that describe it."""

    name: str
    cells: tuple[str, ...]
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Replicated:
    """A fit's replicated data against the observed; `because` says why there is nothing."""

    fit: Fit
    because: str
    rows: tuple[Named, ...]
    pit: str
    pictures: tuple[Shown, ...]
    folded: tuple[Shown, ...] = ()


@dataclass(frozen=True)
class Predicted:
    """A fit's predictions for new rows; `because` says why there are none, `note` why some are."""

    fit: Fit
    because: str
    note: str
    named_by: str
    """The heading of what the rows are named by: a column of theirs, or their number."""
    columns: tuple[str, ...]
    """The other columns of the new rows, whose values stand before the numbers."""
    headings: tuple[str, ...]
    rows: tuple[Named, ...]
    folded: tuple[Named, ...]
    omitted: int
    pictures: tuple[Shown, ...]


@dataclass(frozen=True)
class PriorView:
    """What a prior says before any data."""

    prior: Prior
    verdict: str
    bad: tuple[CheckView, ...]
    draws: int
    pictures: tuple[Shown, ...]

    @property
    def note(self) -> str:
        """What the axis of the picture is called, where that is declared."""
        return f"The axis is {self.prior.title}." if self.prior.title else ""


def replicated(
    fit: Fit,
    content: Mapping[str, Any],
    pictures: tuple[Shown, ...],
    folded: tuple[Shown, ...] = (),
) -> Replicated:
    """Return a fit's posterior predictive check; what is folded is of its LOO-PIT."""
    is_made = content["made"]
    return Replicated(
        fit=fit,
        because=(content["statistics_because"] or "") if is_made else content["because"],
        rows=tuple(_statistic(row) for row in content["statistics"]) if is_made else (),
        pit=_pit(content) if is_made and not content["statistics_because"] else "",
        pictures=pictures,
        folded=folded if is_made and content["loo_pit"] is not None else (),
    )


def predicted(
    fit: Fit,
    content: Mapping[str, Any],
    pictures: tuple[Shown, ...],
    ends: Ends,
    new_rows: Mapping[str, Any] | None = None,
    declared: Sequence[Mapping[str, Mapping[str, Any]]] = (),
) -> Predicted:
    """Return a fit's predictions for new rows, each with the columns that it was given.

    `declared` are columns as they were declared, those of the new rows first.
    """
    rows = content["predictions"]["rows"] if content["made"] else []
    given = _columns(content["predictions"], new_rows) if rows and new_rows is not None else {}
    naming = _naming_column([row["row"] for row in rows], given)
    columns = {name: values for name, values in given.items() if name != naming}
    shown = tuple(
        Named(
            str(row["row"]),
            _prediction(row, ends),
            tuple(_value(values[index]) for values in columns.values()),
        )
        for index, row in enumerate(rows[:MOST_ROWS])
    )
    return Predicted(
        fit=fit,
        because="" if content["made"] else content["because"],
        note=(content["predictions"]["because"] or "") if content["made"] else "",
        named_by="row" if naming is None else heading(naming, *declared),
        columns=tuple(heading(name, *declared) for name in columns),
        headings=("mean", "sd", *ends.headings),
        rows=shown[:AT_SIGHT],
        folded=shown[AT_SIGHT:],
        omitted=len(rows) - len(shown),
        pictures=pictures,
    )


def prior_view(prior: Prior, judged: Judged, draws: int, pictures: tuple[Shown, ...]) -> PriorView:
    """Return a prior's checks, those that warn, and its pictures."""
    checks = tuple(check_view(check, {}) for check in judged.checks)
    return PriorView(prior, judged.verdict, by_gravity(checks), draws, pictures)


def _statistic(row: Mapping[str, Any]) -> Named:
    mean, sd = number(row["replicated_mean"]), number(row["replicated_sd"])
    return Named(
        str(row["statistic"]),
        (
            exact(number(row["observed"])),
            supported(mean, nan, sd),
            significant(sd, 2),
            _tail_probability(row),
        ),
    )


def _tail_probability(row: Mapping[str, Any]) -> str:
    if row["undefined"]:
        return f"none: undefined in {counted(row['undefined'], 'draw')}"
    return tail(number(row["tail_probability"]))


def _pit(content: Mapping[str, Any]) -> str:
    pit = content["loo_pit"]
    if pit is None:
        because = content["loo_pit_because"]
        return f"LOO-PIT was not made: {because}." if because else ""
    conclusion = (
        "is as uniform as it would be if the model predicted each observation well"
        if pit["uniform"]
        else "is not uniform: the predictions are too wide, too narrow or shifted"
    )
    return (
        f"LOO-PIT of {pit['observations']} observations {conclusion} "
        f"(p {probability(number(pit['p']))}; {_pit_khat(pit)})."
    )


def _pit_khat(pit: Mapping[str, Any]) -> str:
    worst, bad = decimals(number(pit["khat_max"]), 2), pit["khat_bad"]
    if not bad:
        return f"Pareto k̂ at most {worst}"
    most = "not to be had at some" if pit["khat_max"] is None else f"up to {worst}"
    return f"Pareto k̂ {most}, bad at {bad}, so its place is unsure there"


def _columns(
    predictions: Mapping[str, Any], new_rows: Mapping[str, Any]
) -> Mapping[str, Sequence[object]]:
    """Return the columns of the new rows, where these are what is predicted, one each."""
    is_by_row = predictions["dims"] == [f"{new_rows['dataset']}_obs"]
    if not is_by_row or new_rows["rows"] != len(predictions["rows"]):
        return {}
    columns: Mapping[str, Sequence[object]] = new_rows["columns"]
    return columns


def _naming_column(labels: Sequence[str], columns: Mapping[str, Sequence[object]]) -> str | None:
    """Return the first column whose values, of which there are the first rows', are the labels.

    Rows that nothing names are numbered, which a column may be by chance.
    """
    if labels == [str(number) for number in range(1, len(labels) + 1)]:
        return None
    return next(
        (
            name
            for name, values in columns.items()
            if list(map(str, values)) == labels[: len(values)]
        ),
        None,
    )


def _value(value: object) -> str:
    if isinstance(value, int | float):
        return exact(number(value), 6)
    return MISSING if value is None else str(value)


def _prediction(row: Mapping[str, Any], ends: Ends) -> tuple[str, ...]:
    sd = number(row["sd"])
    shown = (supported(number(row[name]), nan, sd) for name in ("mean", "sd", *ends.columns))
    return tuple(shown)

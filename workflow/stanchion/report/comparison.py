"""The comparison of models, as a table a dataset with what it says in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isnan

from stanchion.report.arguments import Pair
from stanchion.report.numbers import MISSING, decimals
from stanchion.report.reading import Compared
from stanchion.report.verdicts import FitView
from stanchion.report.wording import listed

SMALL_DIFFERENCE = 4.0
"""Sivula, Magnusson, Matamoros and Vehtari (2020), arXiv:2008.10296: below it, the standard error
of the difference is not to be trusted, and the difference is small anyway."""


@dataclass(frozen=True)
class Ranked:
    """A model's row."""

    model: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Ranking:
    """The models of one dataset, best first, and remarks in words."""

    dataset: str
    rows: tuple[Ranked, ...]
    remarks: tuple[str, ...]
    warning: str


@dataclass(frozen=True)
class Comparison:
    """All datasets, and the fits that were left out."""

    rankings: tuple[Ranking, ...]
    left_out: tuple[str, ...]


def comparison(
    compared: Sequence[Compared], pairs: Sequence[Pair], fits: Sequence[FitView]
) -> Comparison:
    """Return the tables; fits that may be compared and are not there were left out."""
    there = {(row.dataset, row.model) for row in compared}
    missing = [pair for pair in pairs if (pair.dataset, pair.model) not in there]
    return Comparison(
        rankings=tuple(
            _ranking(dataset, list(rows))
            for dataset, rows in groupby(compared, key=lambda row: row.dataset)
        ),
        left_out=tuple(_left_out(pair, fits) for pair in missing),
    )


def _left_out(pair: Pair, fits: Sequence[FitView]) -> str:
    own = [f for f in fits if f.fit.pair == (pair.dataset, pair.model) and f.fit.kind == "nuts"]
    why = "its fit failed the checks" if any(fit.stopped for fit in own) else "it has no NUTS fit"
    return f"{pair.model} on {pair.dataset} is left out, because {why}."


def _ranking(dataset: str, rows: Sequence[Compared]) -> Ranking:
    return Ranking(
        dataset=dataset,
        rows=tuple(Ranked(row.model, _cells(row.numbers)) for row in rows),
        remarks=tuple(_remarks(rows)),
        warning=_khat([row for row in rows if row.numbers["khat_bad"] > 0]),
    )


def _cells(found: Mapping[str, float]) -> tuple[str, ...]:
    best = found["diff"] == 0
    return (
        decimals(found["elpd"], 1),
        decimals(found["se"], 1),
        decimals(found["p"], 1),
        MISSING if best else decimals(found["diff"], 1),
        MISSING if best else decimals(found["diff_se"], 1),
        decimals(found["weight"], 2),
        decimals(found["khat_max"], 2),
    )


def _remarks(rows: Sequence[Compared]) -> list[str]:
    best, others = rows[0], rows[1:]
    if not others:
        return [f"Only {best.model} could be compared."]
    close = [row.model for row in others if abs(row.numbers["diff"]) < SMALL_DIFFERENCE]
    unsure = [row.model for row in others if row.model not in close and not _clear(row)]
    worse = [row.model for row in others if row.model not in close and _clear(row)]
    said = []
    if worse:
        said.append(
            f"{best.model} predicts better than {listed(worse)}: the difference is more than "
            "twice its standard error."
        )
    if unsure:
        said.append(
            f"{best.model} comes before {listed(unsure)}, but the difference is less than twice "
            "its standard error: it may be chance."
        )
    if close:
        said.append(
            f"{best.model} and {listed(close)} predict about equally well: a difference below "
            f"{SMALL_DIFFERENCE:g} is small."
        )
    return said


def _clear(row: Compared) -> bool:
    difference, error = abs(row.numbers["diff"]), row.numbers["diff_se"]
    return not isnan(error) and difference > 2 * error


def _khat(rows: Sequence[Compared]) -> str:
    if not rows:
        return ""
    where = listed([f"{int(row.numbers['khat_bad'])} of {row.model}" for row in rows])
    return (
        f"Pareto k̂ is above its limit at some observations ({where}), so elpd is unsure there. "
        "Rest no choice on it; refit without these observations, or use K-fold cross-validation."
    )

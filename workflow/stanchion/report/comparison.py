"""The comparison of models, as a table a dataset with what it says in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stanchion.report.numbers import MISSING, decimals
from stanchion.report.reading import Compared, Judgement
from stanchion.report.wording import CheckView, by_gravity, check_view
from stanchion.stats.thresholds import FEW_OBSERVATIONS, SMALL_DIFFERENCE
from stanchion.system.sentences import listed

_CONCLUSIONS = {
    "better": "{best} predicts better than {others}: the difference is above {small:g} and more "
    "than {times} its standard error.",
    "few": "{best} comes before {others}, but the difference is less than four times its standard "
    "error, which fewer than {few} observations do not support: it may be chance.",
    "chance": "{best} comes before {others}, but the difference is less than twice its standard "
    "error: it may be chance.",
    "small": "{best} and {others} predict about equally well: a difference below {small:g} is "
    "small.",
    "unsound": "Which of {best} and {others} predicts better is not to be said, because of bad k̂.",
}
_HEADINGS = ("elpd", "se", "p", "difference", "its se", "weight", "worst k̂", "bad k̂")


@dataclass(frozen=True)
class Ranked:
    """A fit's row."""

    model: str
    method: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Ranking:
    """The fits of one dataset, best first, with verdict, remarks and what is left out in words."""

    dataset: str
    verdict: str
    rows: tuple[Ranked, ...]
    remarks: tuple[str, ...]
    bad: tuple[CheckView, ...]
    left_out: tuple[str, ...]
    worst_khat: str

    @property
    def headings(self) -> tuple[str, ...]:
        """Headings of model, method and the cells."""
        return ("model", "method", *_HEADINGS)

    @property
    def name(self) -> str:
        """What the first screen calls it."""
        return f"comparison on {self.dataset}"


def rankings(compared: Sequence[Compared], judged: Sequence[Judgement]) -> tuple[Ranking, ...]:
    """Return the comparisons as the report shows them, one a dataset."""
    return tuple(
        _ranking([row for row in compared if row.dataset == judgement.dataset], judgement)
        for judgement in judged
    )


def _ranking(rows: Sequence[Compared], judgement: Judgement) -> Ranking:
    checks = (check_view(check, {}) for check in judgement.judged.checks)
    khat = [row.numbers["khat_max"] for row in rows]
    return Ranking(
        dataset=judgement.dataset,
        verdict=judgement.judged.verdict,
        rows=tuple(Ranked(row.model, row.method, _cells(row.numbers)) for row in rows),
        remarks=tuple(_remarks(rows, judgement)),
        bad=by_gravity(checks),
        left_out=tuple(f"{fit} is left out: {because}." for fit, because in judgement.left_out),
        worst_khat=decimals(max(khat, key=lambda k: (k != k, k)), 2) if khat else MISSING,
    )


def _cells(numbers: Mapping[str, float]) -> tuple[str, ...]:
    best = numbers["diff"] == numbers["diff_se"] == 0
    return (
        decimals(numbers["elpd"], 1),
        decimals(numbers["se"], 1),
        decimals(numbers["p"], 1),
        MISSING if best else decimals(numbers["diff"], 1),
        MISSING if best else decimals(numbers["diff_se"], 1),
        decimals(numbers["weight"], 2),
        decimals(numbers["khat_max"], 2),
        f"{numbers['khat_bad']:.0f}",
    )


def _remarks(rows: Sequence[Compared], judgement: Judgement) -> list[str]:
    """Say of each model what its difference to the best is worth."""
    if not rows:
        return []
    best = rows[0].model
    if not judgement.conclusions:
        return [f"Only {best} could be compared."]
    few = judgement.observations < FEW_OBSERVATIONS
    return [
        words.format(
            best=best,
            others=listed(others),
            small=SMALL_DIFFERENCE,
            few=FEW_OBSERVATIONS,
            times="four times" if few else "twice",
        )
        for conclusion, words in _CONCLUSIONS.items()
        if (
            others := [
                model for model, concluded in judgement.conclusions if concluded == conclusion
            ]
        )
    ]

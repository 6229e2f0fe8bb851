"""The comparison of models, as a table a dataset with what it says in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

from stanchion.report.numbers import MISSING, decimals
from stanchion.report.reading import Compared, Judgement
from stanchion.report.wording import CheckView, by_gravity, check_view
from stanchion.stats.thresholds import (
    EVIDENCE,
    FEW_OBSERVATIONS,
    SMALL_DIFFERENCE,
    STRONGEST_EVIDENCE,
)
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
_LARGEST_FACTOR, _WHOLE_FROM = 10_000, 9.95
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
    evidence: tuple[tuple[str, str, str], ...] = ()
    """Model, log marginal likelihood and its difference from the best, where these are known."""

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
        evidence=tuple(
            (model, decimals(value, 2), decimals(less, 2) if less else MISSING)
            for model, value, less in judgement.evidence
        ),
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
        return [f"Only {best} could be compared.", *_of_evidence(judgement)]
    few = judgement.observations < FEW_OBSERVATIONS
    said = [
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
    return said + _of_evidence(judgement)


def _of_evidence(judgement: Judgement) -> list[str]:
    """Say of each model's marginal likelihood how much the best one's is greater."""
    best = next((model for model, _, _ in judgement.evidence), "")
    return [
        f"By marginal likelihood {best} comes before {model}: a Bayes factor of {_factor(-less)}, "
        f"“{_evidence_of(-less)}” in the words of Kass & Raftery (1995)."
        for model, _, less in judgement.evidence[1:]
    ]


def _factor(log_factor: float) -> str:
    if log_factor > log(_LARGEST_FACTOR):
        return f"more than {_LARGEST_FACTOR:,}"
    factor = exp(log_factor)
    return f"{factor:.1f}" if factor < _WHOLE_FROM else f"{factor:,.0f}"


def _evidence_of(log_factor: float) -> str:
    return next((word for limit, word in EVIDENCE if log_factor <= limit), STRONGEST_EVIDENCE)

"""The first screen: the verdict of every fit, and what is wrong with those that are not sound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

from stanchion.checks.catalogue import figures
from stanchion.checks.verdicts import (
    FAIL,
    GRAVEST_FIRST,
    NO_FAULT,
    PASS,
    VERDICTS,
    WAIVED,
    gravest,
    stops,
    verdict_words,
)
from stanchion.methods.catalogue import METHODS
from stanchion.plan.report_arguments import Fit
from stanchion.report.comparison import Ranking
from stanchion.report.numbers import MISSING, exact, supported
from stanchion.report.reading import Judged, Scalar, Tried
from stanchion.report.wording import CheckView, by_gravity, check_view, shown
from stanchion.system.sentences import counted

_DIGITS, _MOST_UPDATED = 6, 10
"""Of a log marginal likelihood; parameters of each batch."""
_COLUMNS = {figure.heading: names for figure, names in figures().items()}


@dataclass(frozen=True)
class Figure:
    """A number of the first screen, and the verdict of its check where that is no pass."""

    text: str
    verdict: str


@dataclass(frozen=True)
class UpdateRow:
    """A parameter after the rows of a dataset, and of those before it."""

    dataset: str
    rows: int
    parameter: Scalar
    numbers: tuple[str, ...]
    evidence: str


@dataclass(frozen=True)
class FitView:
    """A fit with its verdict, the figures of the first screen, and its checks in words."""

    fit: Fit
    verdict: str
    figures: Mapping[str, Figure]
    checks: tuple[CheckView, ...]
    bad: tuple[CheckView, ...]
    notes: tuple[str, ...]
    weighting: str | None
    weighting_because: str
    evidence: str
    """The log marginal likelihood, where it is known."""
    updates: tuple[UpdateRow, ...]
    tried: tuple[Tried, ...]

    @property
    def words(self) -> str:
        """The verdict as the table says it."""
        return verdict_words(self.verdict, self.weighting)

    @property
    def label(self) -> str:
        """The method's name in tables of numbers, with what its point is or its draws are not."""
        if self.fit.estimate is not None:
            return f"{self.fit.method} ({self.fit.estimate})"
        unweighted = self.weighting == "unweighted"
        return f"{self.fit.method} (unweighted)" if unweighted else self.fit.method

    @property
    def has_chains(self) -> bool:
        """Whether it has chains that can be compared with each other."""
        return self.fit.chains > 1 and self.weighting is None

    @property
    def stopped(self) -> bool:
        """Whether nothing may be computed from this fit."""
        return stops(self.verdict, self.fit.on_fail)

    @property
    def consequence(self) -> str:
        """What follows from the verdict."""
        if self.stopped:
            return "Nothing was computed from it: no predictions, no comparison."
        if self.verdict == FAIL:
            return "It is flagged, not stopped: results were computed from it all the same."
        if self.verdict == WAIVED:
            return "Results were computed from it, because the failure is waived."
        return ""


@dataclass(frozen=True)
class Verdicts:
    """All fits, the gravest first, and all comparisons, with the gravest verdict and a sentence."""

    verdict: str
    sentence: str
    fits: tuple[FitView, ...]
    grave: tuple[FitView, ...]
    comparisons: tuple[Ranking, ...]
    headings: tuple[str, ...]
    several_datasets: bool
    khat: str = next(heading for heading, names in _COLUMNS.items() if "khat" in names)
    """The column in which a comparison shows the worst k̂ of LOO."""

    @property
    def grave_comparisons(self) -> tuple[Ranking, ...]:
        """The comparisons that are not sound."""
        return tuple(ranking for ranking in self.comparisons if ranking.bad)


def fit_view(fit: Fit, judged: Judged) -> FitView:
    """Return a fit as the report shows it."""
    advice = METHODS[fit.settings["method"]].advice
    checks = tuple(check_view(check, fit.settings, advice) for check in judged.checks)
    return FitView(
        fit=fit,
        verdict=judged.verdict,
        figures={heading: _figure(judged, names) for heading, names in _COLUMNS.items()},
        checks=checks,
        bad=by_gravity(checks),
        notes=judged.notes,
        weighting=judged.weighting,
        weighting_because=judged.weighting_because,
        evidence="" if isnan(judged.log_evidence) else exact(judged.log_evidence, _DIGITS),
        updates=tuple(_update_rows(judged)),
        tried=judged.tried,
    )


def _update_rows(judged: Judged) -> Iterator[UpdateRow]:
    for update in judged.updates:
        for scalar, numbers in list(update.parameters.items())[:_MOST_UPDATED]:
            shown = (supported(value, nan, numbers["sd"]) for value in numbers.values())
            evidence = exact(update.log_evidence, _DIGITS)
            yield UpdateRow(update.dataset, update.rows, scalar, tuple(shown), evidence)


def verdicts(fits: Sequence[FitView], comparisons: Sequence[Ranking] = ()) -> Verdicts:
    """Return the first screen; fits of one verdict stay in the order of the declaration."""
    ordered = sorted(fits, key=lambda f: (GRAVEST_FIRST.index(f.verdict), not f.stopped))
    return Verdicts(
        verdict=gravest(
            [*(f.verdict for f in fits), *(comparison.verdict for comparison in comparisons)]
        ),
        sentence=_sentence(fits) + _and_comparisons(comparisons),
        fits=tuple(ordered),
        grave=tuple(fit for fit in ordered if fit.bad),
        comparisons=tuple(comparisons),
        headings=tuple(
            heading
            for heading in _COLUMNS
            if any(fit.figures[heading] != Figure(MISSING, "") for fit in fits)
            or (heading == Verdicts.khat and comparisons)
        ),
        several_datasets=len({fit.fit.dataset for fit in fits}) > 1,
    )


def _sentence(fits: Sequence[FitView]) -> str:
    total = {verdict: sum(fit.verdict == verdict for fit in fits) for verdict in GRAVEST_FIRST}
    no_fault = sum(fit.verdict == PASS and fit.weighting is not None for fit in fits)
    total[PASS] -= no_fault
    if total[PASS] == len(fits):
        return "The fit passed its checks" if len(fits) == 1 else f"All {len(fits)} fits passed"
    parts = [f"{total[v.name]} {v.of_fits}" for v in VERDICTS if total[v.name]]
    parts += [f"{no_fault} in which {NO_FAULT}"] if no_fault else []
    return f"{counted(len(fits), 'fit')}: {', '.join(parts)}"


def _and_comparisons(comparisons: Sequence[Ranking]) -> str:
    """Say how the comparisons stand, where not all passed."""
    graves = [comparison.verdict for comparison in comparisons if comparison.verdict != PASS]
    if not graves:
        return ""
    whose = "the comparison" if len(comparisons) == 1 else f"{counted(len(graves), 'comparison')}"
    return f"; {whose} {next(v.of_fits for v in VERDICTS if v.name in graves)}"


def _figure(judged: Judged, names: Sequence[str]) -> Figure:
    """Return the gravest of these checks, of equally grave ones that with the least value."""
    known_checks = [
        check
        for check in judged.checks
        if check.check in names
        and check.verdict in GRAVEST_FIRST
        and (check.verdict != PASS or not isnan(check.value))
    ]
    if not known_checks:
        return Figure(MISSING, "")
    worst = min(
        known_checks, key=lambda c: (GRAVEST_FIRST.index(c.verdict), not isnan(c.value), c.value)
    )
    text = shown(worst.check, worst.value, worst.threshold)
    return Figure(text, "" if worst.verdict == PASS else worst.verdict)

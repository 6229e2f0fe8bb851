"""What a report's template shows: the page, and the views that its sections share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stanchion.plan.report_arguments import WriteReport
from stanchion.report import traces
from stanchion.report.answers import MOST_ELEMENTS, Answer, FitAnswer
from stanchion.report.comparison import Ranking
from stanchion.report.data import DatasetView, Mapped
from stanchion.report.densities import Small
from stanchion.report.effects import Effects
from stanchion.report.estimates import Ends, Estimates
from stanchion.report.listing import CodeLine
from stanchion.report.original import OriginalScale
from stanchion.report.pictures import Shown
from stanchion.report.predictive import Predicted, PriorView, Replicated
from stanchion.report.together import Together
from stanchion.report.verdicts import FitView, Verdicts

MANY, MOST_OPEN = 8, 4
"""From so many on, the fits of a section are small pictures; the gravest of them stand open."""


@dataclass(frozen=True)
class ChainsView:
    """A fit's checks and the pictures of its chains; none where it has no chains to compare.

    Those in `folded` are for looking at what is wrong; a fit of one chain has them too.
    """

    fit: FitView
    pictures: tuple[Shown, ...]
    folded: tuple[Shown, ...]
    plots: tuple[Shown, ...]
    """Those that are declared."""


@dataclass(frozen=True)
class Densities:
    """The densities of a fit that has draws."""

    fit: FitView
    pictures: tuple[Shown, ...]


@dataclass(frozen=True)
class AnswerView:
    """An answer with the small picture of each fit, by dataset, model and method."""

    answer: Answer
    pictures: Mapping[tuple[str, str, str], Small]


@dataclass(frozen=True)
class ProgramView:
    """A program, the models that use it, and its lines."""

    path: str
    models: tuple[str, ...]
    options: str
    lines: tuple[CodeLine, ...]


@dataclass(frozen=True)
class Page:
    """All that the template shows; a section that was not declared is None or empty."""

    arguments: WriteReport
    ends: Ends
    verdicts: Verdicts
    answers: tuple[AnswerView, ...]
    together: tuple[Together, ...]
    """A picture of all models a dataset; none where it was not declared."""
    estimates: tuple[Estimates, ...]
    densities: tuple[Densities, ...]
    effects: tuple[Effects, ...]
    original: tuple[OriginalScale, ...]
    """Aligned with the estimates; nothing where it was not declared."""
    rankings: tuple[Ranking, ...]
    replicated: tuple[Replicated, ...]
    predicted: tuple[Predicted, ...]
    priors: tuple[PriorView, ...]
    chains: tuple[ChainsView, ...]
    sources: tuple[tuple[str, str], ...]
    datasets: tuple[DatasetView, ...]
    mapped: tuple[Mapped, ...]
    programs: tuple[ProgramView, ...]
    methods: tuple[traces.MethodView, ...]
    traces: tuple[traces.Trace, ...]
    toolchain: tuple[tuple[str, str], ...]
    packages: tuple[tuple[str, str], ...]
    made_in: tuple[tuple[str, str], ...]
    about: tuple[tuple[str, str], ...]

    @property
    def many(self) -> int:
        """From how many on things of one kind are small or folded."""
        return MANY

    @property
    def most_elements(self) -> int:
        """How many elements of an answer are shown."""
        return MOST_ELEMENTS

    @property
    def opened(self) -> frozenset[str]:
        """The fits that are shown at full size among many: the gravest that are not sound."""
        return frozenset(fit.fit.path for fit in self.verdicts.grave[:MOST_OPEN])

    @property
    def has_resampled(self) -> bool:
        """Whether the draws of some approximation are reweighted to the posterior."""
        return any(fit.weighting == "resampled" for fit in self.verdicts.fits)

    def words(self, answered: FitAnswer) -> str:
        """Return what the verdict of an answer's fit is called; empty for its plain name."""
        path = f"{answered.dataset}/{answered.model}/{answered.method}"
        fits = {fit.fit.path: fit for fit in self.verdicts.fits}
        return fits[path].words if path in fits and fits[path].verdict == answered.verdict else ""

    @property
    def has_stacked(self) -> bool:
        """Whether some answer is of all models together."""
        return any(not f.method for view in self.answers for f in view.answer.fits)

    @property
    def has_points(self) -> bool:
        """Whether some fit gives a point in place of draws."""
        return any(fit.fit.estimate is not None for fit in self.verdicts.fits)

    @property
    def unweighted(self) -> frozenset[str]:
        """The fits whose draws are an approximation's own, by path."""
        fits = self.verdicts.fits
        return frozenset(fit.fit.path for fit in fits if fit.weighting == "unweighted")

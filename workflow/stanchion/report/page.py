"""One job → one page: the sections that were declared, in the order of reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stanchion.plan.job import Job
from stanchion.plan.report_arguments import Fit, Model, WriteReport
from stanchion.report import traces
from stanchion.report.answers import MOST_ELEMENTS, Answer, FitAnswer, read_answers
from stanchion.report.arrangement import Arrangement
from stanchion.report.comparison import Ranking, rankings
from stanchion.report.data import DatasetView, Mapped, dataset_view, mapped, merged
from stanchion.report.densities import Small, pictures
from stanchion.report.effects import Effects, effects
from stanchion.report.estimates import Ends, Estimates, ends_of, estimates, rows_of_a_fit
from stanchion.report.listing import CodeLine, listing
from stanchion.report.original import OriginalScale, original_view, read_rescaled
from stanchion.report.pictures import Shown, halved, shown, shown_plots
from stanchion.report.predictive import (
    Predicted,
    PriorView,
    Replicated,
    predicted,
    prior_view,
    replicated,
)
from stanchion.report.reading import (
    read_comparison,
    read_json,
    read_judged,
    read_judgements,
    read_summary,
)
from stanchion.report.verdicts import FitView, Verdicts, fit_view, verdicts

MOST_PICTURE_BYTES = 3_500_000
"""As base64, so that a report stays under 5 MB whatever an analysis declares."""
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


def build(job: Job[WriteReport]) -> Page:
    """Read a job's files and return what its report shows."""
    arguments = job.arguments
    fits = _fits(arguments, job)
    ends = ends_of(arguments.intervals)
    checked, expected = _predictives(arguments, job, ends)
    compared = _rankings(arguments, job)
    return _within_size(
        Page(
            arguments=arguments,
            ends=ends,
            verdicts=verdicts(fits, compared),
            answers=_answers(job),
            estimates=_estimates(arguments, job, fits, ends),
            densities=_densities(job, fits),
            effects=_effects(arguments, job),
            original=_original(arguments, job, fits, ends),
            rankings=compared,
            replicated=checked,
            predicted=expected,
            priors=_priors(arguments, job),
            chains=_chains(job, fits),
            sources=_sources(fits),
            datasets=tuple(map(dataset_view, arguments.datasets)),
            mapped=_mapped(arguments, job),
            programs=_programs(arguments.models, job.paths("programs")),
            methods=traces.methods(arguments.fits),
            traces=traces.traces(arguments.fits, arguments.priors),
            toolchain=traces.toolchain(arguments.toolchain),
            packages=traces.packages(),
            made_in=traces.made_in(job.made_in),
            about=traces.about(arguments),
        )
    )


def _fits(arguments: WriteReport, job: Job[WriteReport]) -> list[FitView]:
    files = zip(arguments.fits, job.paths("diagnostics"), strict=True)
    return [fit_view(fit, read_judged(path)) for fit, path in files]


def _answers(job: Job[WriteReport]) -> tuple[AnswerView, ...]:
    if "answers" not in job.inputs:
        return ()
    answers = read_answers(job.path("answers"))
    return tuple(AnswerView(answer, pictures(answer)) for answer in answers)


def _estimates(
    arguments: WriteReport, job: Job[WriteReport], fits: Sequence[FitView], ends: Ends
) -> tuple[Estimates, ...]:
    most = rows_of_a_fit(len(fits))
    summaries = [read_summary(path, most) for path in job.paths("summaries")]
    pairs = list(zip(fits, summaries, strict=True))
    views = []
    for pair, meta in zip(arguments.pairs, job.paths("metas"), strict=True):
        of_pair = [(f, s) for f, s in pairs if f.fit.pair == (pair.dataset, pair.model)]
        views.append(
            estimates(
                pair,
                [fit for fit, _ in of_pair],
                [summary for _, summary in of_pair],
                ends,
                Arrangement.of(arguments.forest, read_json(meta)),
                is_small=len(arguments.pairs) >= MANY,
            )
        )
    return tuple(views)


def _original(
    arguments: WriteReport, job: Job[WriteReport], fits: Sequence[FitView], ends: Ends
) -> tuple[OriginalScale, ...]:
    rescaled = [fit for fit in fits if fit.fit.rescaled]
    most = rows_of_a_fit(len(fits))
    summaries = [read_rescaled(path, most) for path in job.paths("rescaled")]
    files = list(zip(rescaled, summaries, strict=True))
    views = []
    for pair, meta in zip(arguments.pairs, job.paths("metas"), strict=True):
        of_pair = [(f, s) for f, s in files if f.fit.pair == (pair.dataset, pair.model)]
        maps = read_json(meta).get("original_scale", {})
        of_fits, rows = [fit for fit, _ in of_pair], [summary for _, summary in of_pair]
        views.append(original_view(pair, of_fits, rows, maps, ends))
    return tuple(views)


def _rankings(arguments: WriteReport, job: Job[WriteReport]) -> tuple[Ranking, ...]:
    if arguments.compare is None:
        return ()
    table, judged = job.path("comparison"), job.path("judgement")
    return rankings(read_comparison(table), read_judgements(judged))


def _predictives(
    arguments: WriteReport, job: Job[WriteReport], ends: Ends
) -> tuple[tuple[Replicated, ...], tuple[Predicted, ...]]:
    """Return the checks and the predictions; a fit's one picture goes with the former."""
    fits: list[Fit] = [fit for fit in arguments.fits if fit.has_predictive]
    contents = [read_json(path) for path in job.paths("predictives")]
    paths = [fit.path for fit in fits]
    checked, expected = arguments.posterior_predictive is not None, arguments.predict is not None
    if checked:
        at_sight, folded = (shown(job, "predictive", paths, folded=f) for f in (False, True))
        entries = zip(fits, contents, at_sight, folded, strict=True)
        replications = tuple(replicated(*entry) for entry in entries)
    else:
        replications = ()
    if not expected:
        return replications, ()
    pictures = [()] * len(fits) if checked else shown(job, "predictions", paths)
    new = zip(fits, contents, pictures, strict=True)
    metas = zip(arguments.pairs, map(read_json, job.paths("metas")), strict=True)
    new_rows = {(pair.dataset, pair.model): meta.get("new_rows") for pair, meta in metas}
    columns = {dataset.name: dataset.declared.columns for dataset in arguments.datasets}
    return replications, tuple(
        predicted(
            fit,
            content,
            drawn,
            ends,
            new_rows[fit.pair],
            (arguments.new_columns, columns[fit.dataset]),
        )
        for fit, content, drawn in new
    )


def _effects(arguments: WriteReport, job: Job[WriteReport]) -> tuple[Effects, ...]:
    if arguments.effects is None:
        return ()
    pictures = shown(job, "effects", [fit.path for fit in arguments.fits])
    files = zip(arguments.fits, job.paths("effects"), pictures, strict=True)
    return tuple(effects(fit, read_json(path), drawn) for fit, path, drawn in files)


def _priors(arguments: WriteReport, job: Job[WriteReport]) -> tuple[PriorView, ...]:
    pictures = shown(job, "prior", [prior.path for prior in arguments.priors])
    files = zip(arguments.priors, job.paths("priors"), pictures, strict=True)
    return tuple(
        prior_view(prior, read_judged(path), read_json(path)["draws"], drawn)
        for prior, path, drawn in files
    )


def _chains(job: Job[WriteReport], fits: Sequence[FitView]) -> tuple[ChainsView, ...]:
    paths = [fit.fit.path for fit in fits]
    at_sight, folded = (shown(job, "chains", paths, folded=fold) for fold in (False, True))
    return tuple(
        ChainsView(
            fit,
            drawn if fit.has_chains else (),
            more if fit.fit.chains and fit.weighting is None else (),
            shown_plots(job, fit.fit.path),
        )
        for fit, drawn, more in zip(fits, at_sight, folded, strict=True)
    )


def _densities(job: Job[WriteReport], fits: Sequence[FitView]) -> tuple[Densities, ...]:
    """Return the densities of the fits that have draws: a point has none."""
    pictures = shown(job, "estimates", [fit.fit.path for fit in fits])
    return tuple(
        Densities(fit, drawn)
        for fit, drawn in zip(fits, pictures, strict=True)
        if fit.fit.estimate is None
    )


def _sources(fits: Sequence[FitView]) -> tuple[tuple[str, str], ...]:
    return tuple({check.name: check.source for fit in fits for check in fit.checks}.items())


def _mapped(arguments: WriteReport, job: Job[WriteReport]) -> tuple[Mapped, ...]:
    files = zip(
        arguments.pairs, arguments.mappings, job.paths("metas"), job.paths("data"), strict=True
    )
    return merged(
        mapped(pair, mapping, read_json(meta), read_json(data))
        for pair, mapping, meta, data in files
    )


def _programs(models: Sequence[Model], paths: Sequence[Path]) -> tuple[ProgramView, ...]:
    """Return each program once, and what each conjugate model states."""
    by_path: dict[str, list[Model]] = {}
    texts: dict[str, str] = {}
    files = iter(paths)
    for model in models:
        path = model.program or f"models.{model.name}.conjugate"
        by_path.setdefault(path, []).append(model)
        stated = "\n".join(model.statements)
        texts[path] = next(files).read_text(encoding="utf-8") if model.program else stated
    return tuple(
        ProgramView(
            path=program,
            models=tuple(model.name for model in users),
            options=traces.options(users[0].options),
            lines=listing(texts[program]),
        )
        for program, users in by_path.items()
    )


class _Room:
    """Leaves out pictures beyond what a report may weigh; `change` may make each one smaller."""

    def __init__(self, size: int) -> None:
        self.budget = size
        self.change: Callable[[Shown], Shown] = lambda shown: shown

    def keep[View: (Replicated, Predicted, PriorView, ChainsView, Densities, Effects)](
        self, views: tuple[View, ...]
    ) -> tuple[View, ...]:
        return tuple(replace(view, pictures=self._of(view.pictures)) for view in views)

    def keep_folded[View: (ChainsView, Replicated)](
        self, views: tuple[View, ...]
    ) -> tuple[View, ...]:
        return tuple(replace(view, folded=self._of(view.folded)) for view in views)

    def keep_plots(self, views: tuple[ChainsView, ...]) -> tuple[ChainsView, ...]:
        return tuple(replace(view, plots=self._of(view.plots)) for view in views)

    def _of(self, pictures: tuple[Shown, ...]) -> tuple[Shown, ...]:
        return tuple(map(self._within_budget, pictures))

    def _within_budget(self, shown: Shown) -> Shown:
        if self.budget < 0 or shown.picture is None:
            return replace(shown, picture=None)
        changed = self.change(shown)
        self.budget -= _weight(changed)
        return changed if self.budget >= 0 else replace(shown, picture=None)


def _weight(shown: Shown) -> int:
    return len(shown.picture.address) if shown.picture is not None else 0


def _size(page: Page) -> int:
    pictures = [
        *(view.pictures for view in page.replicated),
        *(view.pictures for view in page.predicted),
        *(view.pictures for view in page.priors),
        *(view.pictures for view in page.densities),
        *(view.pictures + view.folded for view in page.chains),
    ]
    return sum(_weight(picture) for of_view in pictures for picture in of_view)


def _within_size(page: Page) -> Page:
    """Leave out pictures where they are too many, the least telling first to go."""
    room = _Room(MOST_PICTURE_BYTES)
    if len(page.chains) >= MANY and _size(page) > MOST_PICTURE_BYTES:
        room.change = halved
    page = replace(
        page,
        effects=room.keep(page.effects),
        replicated=room.keep(page.replicated),
        predicted=room.keep(page.predicted),
        priors=room.keep(page.priors),
        chains=room.keep_plots(room.keep(page.chains)),
        densities=room.keep(page.densities),
    )
    replications = room.keep_folded(page.replicated)
    return replace(page, replicated=replications, chains=room.keep_folded(page.chains))

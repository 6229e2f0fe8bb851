"""One job → one page: the sections that were declared, in the order of reading."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stanchion.plan.job import Job
from stanchion.plan.report_arguments import Fit, Model, WriteReport
from stanchion.report import traces
from stanchion.report.answers import read_answers
from stanchion.report.arrangement import Arrangement
from stanchion.report.comparison import Ranking, rankings
from stanchion.report.data import DatasetView, Mapped, dataset_view, mapped, merged
from stanchion.report.densities import pictures
from stanchion.report.effects import Effects, effects
from stanchion.report.estimates import Ends, Estimates, ends_of, estimates, rows_of_a_fit
from stanchion.report.listing import listing
from stanchion.report.original import OriginalScale, original_view, read_rescaled
from stanchion.report.pictures import shown, shown_plots
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
from stanchion.report.sections import (
    MANY,
    AnswerView,
    ChainsView,
    Densities,
    Page,
    ProgramView,
)
from stanchion.report.size import within_size
from stanchion.report.together import MOST_READ, Together, together
from stanchion.report.verdicts import FitView, fit_view, verdicts
from stanchion.system.hashes import file_hash


def build(job: Job[WriteReport]) -> Page:
    """Read a job's files and return what its report shows."""
    arguments = job.arguments
    fits = _fits(arguments, job)
    ends = ends_of(arguments.intervals)
    checked, expected = _predictives(arguments, job, ends)
    compared, priors = _rankings(arguments, job), _priors(arguments, job)
    return within_size(
        Page(
            arguments=arguments,
            ends=ends,
            verdicts=verdicts(fits, compared),
            answers=_answers(job),
            together=_together(arguments, job, fits, ends),
            estimates=_estimates(arguments, job, fits, ends),
            densities=_densities(job, fits),
            effects=_effects(arguments, job, priors),
            original=_original(arguments, job, fits, ends),
            rankings=compared,
            replicated=checked,
            predicted=expected,
            priors=priors,
            chains=_chains(job, fits),
            sources=_sources(fits),
            datasets=_datasets(arguments, job),
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


def _datasets(arguments: WriteReport, job: Job[WriteReport]) -> tuple[DatasetView, ...]:
    """Return the datasets as declared, those that a script makes with what they are made from."""
    tables = job.paths("tables") if arguments.made else []
    made = {
        table.dataset: (table, file_hash(path))
        for table, path in zip(arguments.made, tables, strict=True)
    }
    return tuple(
        dataset_view(dataset, *made.get(dataset.name, ())) for dataset in arguments.datasets
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


def _together(
    arguments: WriteReport, job: Job[WriteReport], fits: Sequence[FitView], ends: Ends
) -> tuple[Together, ...]:
    if arguments.forest is None or not arguments.forest.together:
        return ()
    variables = arguments.forest.together
    pairs = zip(fits, job.paths("summaries"), strict=True)
    files = [(f, read_summary(path, MOST_READ, variables)) for f, path in pairs]
    metas = dict(zip(arguments.pairs, job.paths("metas"), strict=True))
    views = []
    for dataset in dict.fromkeys(pair.dataset for pair in arguments.pairs):
        of_dataset = [(f, s) for f, s in files if f.fit.dataset == dataset]
        meta = next(path for pair, path in metas.items() if pair.dataset == dataset)
        arrangement = Arrangement.of(arguments.forest, read_json(meta))
        of_fits, summaries = [f for f, _ in of_dataset], [s for _, s in of_dataset]
        views.append(together(dataset, of_fits, summaries, ends, arrangement))
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


def _effects(
    arguments: WriteReport, job: Job[WriteReport], priors: Sequence[PriorView]
) -> tuple[Effects, ...]:
    if arguments.effects is None:
        return ()
    verdict = {(view.prior.dataset, view.prior.model): view.verdict for view in priors}
    pictures = shown(job, "effects", [fit.path for fit in arguments.fits])
    files = zip(arguments.fits, job.paths("effects"), pictures, strict=True)
    return tuple(
        effects(fit, read_json(path), drawn, verdict.get(fit.pair)) for fit, path, drawn in files
    )


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

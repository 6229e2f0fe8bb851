"""One job → the tables of an analysis for documents: answers, summaries, comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stanchion.checks.verdicts import FAIL
from stanchion.plan.catalogue import ANALYSIS
from stanchion.plan.job import Job
from stanchion.plan.report_arguments import Pair, WriteTables
from stanchion.report import traces
from stanchion.report.answer_table import answer_table
from stanchion.report.answers import read_answers
from stanchion.report.comparison import Ranking, rankings
from stanchion.report.estimates import Ends, Table, ends_of, estimates, rows_of_a_fit
from stanchion.report.numbered import NumberedTable
from stanchion.report.reading import (
    Summary,
    read_comparison,
    read_judged,
    read_judgements,
    read_summary,
)
from stanchion.report.verdicts import FitView, fit_view, verdicts
from stanchion.system.hashes import file_hash


@dataclass(frozen=True)
class Tables:
    """A document: the question, the verdict with what is behind it, and the tables."""

    title: str
    subject: str
    verdict: str
    reasons: tuple[str, ...]
    tables: tuple[NumberedTable, ...]


@dataclass(frozen=True)
class _Fitted:
    view: FitView
    summary: Summary
    source: str
    """The footnote that names its summary.csv."""

    @property
    def failed(self) -> bool:
        return self.view.verdict == FAIL


def build(job: Job[WriteTables]) -> Tables:
    """Read a job's files and return what its document holds; of a failed fit, why it is none."""
    arguments = job.arguments
    fits = _fits(job)
    judged = verdicts([fit.view for fit in fits], compared := _rankings(job))
    ends = ends_of(arguments.intervals)
    grave = [f"{view.fit.path}: {_because(view)}" for view in judged.grave]
    grave += [f"{ranking.name}: {_sentences(ranking)}" for ranking in judged.grave_comparisons]
    return Tables(
        title=arguments.question or arguments.analysis,
        subject=" · ".join(filter(None, (arguments.project, arguments.analysis))),
        verdict=f"{judged.sentence}.",
        reasons=tuple(grave),
        tables=(
            *_answers(job),
            *(table for pair in arguments.pairs for table in _summaries(pair, fits, ends)),
            *_comparisons(job, compared),
        ),
    )


def _fits(job: Job[WriteTables]) -> list[_Fitted]:
    fits = job.arguments.fits
    most = rows_of_a_fit(len(fits))
    files = zip(fits, job.paths("summaries"), job.paths("diagnostics"), strict=True)
    return [
        _Fitted(
            fit_view(fit, read_judged(diagnostics)),
            read_summary(summary, most),
            _source(job, f"{fit.path}/summary.csv", summary),
        )
        for fit, summary, diagnostics in files
    ]


def _rankings(job: Job[WriteTables]) -> tuple[Ranking, ...]:
    if "comparison" not in job.inputs:
        return ()
    return rankings(read_comparison(job.path("comparison")), read_judgements(job.path("judgement")))


def _answers(job: Job[WriteTables]) -> Iterator[NumberedTable]:
    if "answers" in job.inputs:
        file = job.path("answers")
        yield answer_table(read_answers(file), _source(job, "answers.json", file))


def _summaries(pair: Pair, fits: Sequence[_Fitted], ends: Ends) -> Iterator[NumberedTable]:
    """Yield a table of those of a pair's fits that have draws, and one of points.

    Where all have failed there is one that says why.
    """
    of_pair = [fit for fit in fits if fit.view.fit.pair == (pair.dataset, pair.model)]
    usable = [fit for fit in of_pair if not fit.failed]
    failed = tuple(
        f"{f.view.fit.method} gives no numbers: {_because(f.view)}" for f in of_pair if f.failed
    )
    view = estimates(pair, [f.view for f in usable], [f.summary for f in usable], ends)
    captions = ((view.table, view.caption), (view.points, view.points_caption))
    tables = [(table, caption) for table, caption in captions if table is not None]
    for number, (table, caption) in enumerate(tables):
        sources = tuple(f.source for f in usable if f"{f.view.fit.path}/summary.csv" in table.paths)
        yield _summary(table, caption, (*(failed if number == 0 else ()), *sources))
    if not tables:
        rows = tuple((f.view.fit.method, _because(f.view)) for f in of_pair)
        caption = f"{pair.model} on {pair.dataset}: no numbers, because no fit passed its checks"
        sources = tuple(f.source for f in of_pair)
        yield NumberedTable(caption, ("method", "because"), 2, rows, sources)


def _summary(table: Table, caption: str, notes: tuple[str, ...]) -> NumberedTable:
    named = ("quantity",) if table.method else ("quantity", "method")
    rows = [
        ((row.scalar.label, line.method)[: len(named)] + line.cells)
        for row in (*table.rows, *table.folded)
        for line in row.lines
    ]
    left_out = (f"{table.omitted} in the file.",) if table.omitted else ()
    by = f"{caption} by {table.method}" if table.method else caption
    headings = (*named, *table.headings)
    return NumberedTable(by, headings, len(named), tuple(rows), (*left_out, *notes))


def _comparisons(job: Job[WriteTables], compared: Sequence[Ranking]) -> Iterator[NumberedTable]:
    for ranking in compared:
        rows = tuple((row.model, row.method, *row.cells) for row in ranking.rows)
        source = _source(job, "comparison.csv", job.path("comparison"))
        yield NumberedTable(
            f"Models of {ranking.dataset}, best first, by PSIS-LOO",
            ranking.headings,
            2,
            rows,
            (*ranking.remarks, *ranking.left_out, source),
        )


def _because(view: FitView) -> str:
    """Return what is wrong with a fit, the gravest first."""
    sentences = "; ".join(
        f"{check.sentence}{f' at {check.where[0].label}' if check.where else ''}"
        for check in view.bad
    )
    waivers = [check.waiver for check in view.bad if check.waiver]
    return ". ".join([sentences or "its verdict is a failure", *waivers]) + "."


def _sentences(ranking: Ranking) -> str:
    return "; ".join(check.sentence for check in ranking.bad) + "."


def _source(job: Job[WriteTables], name: str, file: Path) -> str:
    """Return the footnote of a file of the analysis: its path, its content, and the run."""
    path = f"{ANALYSIS.format(analysis=job.arguments.analysis)}/{name}"
    made_in = [f"{name} {value}" for name, value in traces.made_in(job.made_in)]
    return "; ".join([f"Source: {path}, SHA-256 {file_hash(file)}", *made_in]) + "."

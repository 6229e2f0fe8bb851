"""How a status is shown: as a table on the terminal, as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from math import nan
from typing import Any, NamedTuple
from unicodedata import combining

from stanchion.checks.catalogue import CHECKS
from stanchion.checks.row import Figure
from stanchion.checks.verdicts import verdict_words
from stanchion.report.wording import shown
from stanchion.runs.status import FIGURES, ComparisonStatus, FitStatus, figures_of
from stanchion.runs.styles import folded

_SHORT = {"rhat": "R-hat", "ess": "ESS", "divergences": "div.", "khat": "k̂"}
"""Headings of a terminal that is too narrow for whole ones, by the figure's name."""
_MOST_REASONS = 3
"""Checks that a row says of a fit that did not pass."""
_RATE = "ESS/s"
_KHAT = CHECKS["khat"].figure
"""The column in which a comparison says how many k̂ of LOO are bad."""


def _plain(text: str, _verdict: str) -> str:
    return text


def table(
    statuses: Sequence[FitStatus],
    altered: Sequence[str] = (),
    comparisons: Sequence[ComparisonStatus] = (),
    *,
    width: int | None = None,
    style: Callable[[str, str], str] = _plain,
) -> str:
    """Return the statuses as a plain text table, one row a fit, and name what was altered.

    Comparisons follow the fits. What did not pass stands below its row. Where the terminal's
    `width` is too small for the columns, figures stand below the fit's name. `style` is given a
    text and a verdict, and returns it as it is printed.
    """
    shown_figures = {f for f in FIGURES if any(_cell(status, f) for status in statuses)}
    if _KHAT is not None and any(map(_bad, comparisons)):
        shown_figures.add(_KHAT)
    figures = [figure for figure in FIGURES if figure in shown_figures]
    last = [_RATE, "time"] if _has_rivals(statuses) else ["time"]
    headings = ["fit", "verdict", *(figure.column or figure.heading for figure in figures), *last]
    rows = [_row_of_fit(status, figures, rate=_RATE in last) for status in statuses]
    blank = [""] * len(last)
    rows += [_row_of_comparison(comparison, figures, blank) for comparison in comparisons]
    short = [_SHORT.get(str(figure.key), figure.heading) for figure in figures]
    layouts = (
        partial(_flat_table, headings, rows),
        partial(_flat_table, [*headings[:2], *short, *last], rows),
        partial(_grouped_table, [*headings[:2], *short, *last], rows),
        partial(_narrow_table, headings, rows, width),
    )
    lines = next(
        made
        for layout in layouts
        for made in [layout()]
        if layout is layouts[-1] or not _is_too_wide(made, width)
    )
    shown = []
    for line, row in lines:
        if row is None:
            shown.append(style(line, "strong"))
            continue
        word = row.cells[1]
        shown.append(line.replace(f" {word}", f" {style(word, row.verdict)}", 1))
        if row.why:
            shown.append(_wrapped(f"{row.verdict}: {_few(row.why)}", width))
    return "\n".join([*shown, *(f"altered: {path} is not what its step wrote" for path in altered)])


class _Row(NamedTuple):
    cells: Sequence[str]
    verdict: str
    why: Sequence[str]


_Line = tuple[str, _Row | None]
"""A line of a table, and the row that it is of; None of a heading."""


def _is_too_wide(lines: Sequence[_Line], width: int | None) -> bool:
    return width is not None and max(_width(line) for line, _ in lines) > width


def _flat_table(headings: Sequence[str], rows: Sequence[_Row]) -> list[_Line]:
    lines = _aligned([headings, *(row.cells for row in rows)])
    return list(zip(lines, [None, *rows], strict=True))


def _grouped_table(headings: Sequence[str], rows: Sequence[_Row]) -> list[_Line]:
    """Return a table whose rows stand below the analysis and dataset that they share."""
    groups: dict[str, list[tuple[Sequence[str], _Row | None]]] = {}
    for row in rows:
        prefix, name = _parts(row.cells[0])
        blank = ["" for _ in headings[1:]] if groups else headings[1:]
        group = groups.setdefault(prefix, [([prefix, *blank], None)])
        group.append(([f"  {name}", *row.cells[1:]], row))
    pairs = [pair for group in groups.values() for pair in group]
    lines = _aligned([cells for cells, _ in pairs])
    return list(zip(lines, [row for _, row in pairs], strict=True))


def _narrow_table(headings: Sequence[str], rows: Sequence[_Row], width: int | None) -> list[_Line]:
    return [(_narrow(row.cells, headings, width), row) for row in rows]


def _parts(name: str) -> tuple[str, str]:
    """Part a fit or a comparison into its analysis with its dataset, and the rest."""
    pair, colon, rest = name.partition(": ")
    if colon:
        return pair, rest
    analysis, dataset, rest = (*name.split("/", 2), "", "")[:3]
    return f"{analysis}/{dataset}", rest


def _has_rivals(statuses: Sequence[FitStatus]) -> bool:
    """Tell whether one posterior was sampled in more than one way: only then a rate says much."""
    posteriors = [s.fit.rpartition("/")[0] for s in statuses if s.ess_per_second is not None]
    return len(set(posteriors)) < len(posteriors)


def _row_of_fit(status: FitStatus, figures: Sequence[Figure], *, rate: bool) -> _Row:
    verdict = status.verdict
    words = verdict_words(verdict, status.weighting) if verdict else status.state
    cells = [status.fit, words, *(_cell(status, f) for f in figures)]
    cells += [*([_per_second(status)] if rate else []), _duration(status)]
    return _Row(cells, verdict or status.state, status.why)


def _row_of_comparison(
    status: ComparisonStatus, figures: Sequence[Figure], blank: Sequence[str]
) -> _Row:
    word = status.verdict or status.state
    bad = [_bad(status) if figure == _KHAT else "" for figure in figures]
    return _Row([f"{status.comparison}: comparison", word, *bad, *blank], word, status.why)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            _padded(cell, width, left=position < 2)
            for position, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _narrow(cells: Sequence[str], headings: Sequence[str], width: int | None) -> str:
    """Return a row as lines: the fit with its verdict, below it the figures that it has."""
    named = [
        cell if name == "time" else f"{name} {cell}"
        for name, cell in zip(headings[2:], cells[2:], strict=True)
        if cell
    ]
    figures = ", ".join(named)
    head = f"{cells[0]}  {cells[1]}"
    return f"{head}\n{_wrapped(figures, width)}" if figures else head


def _few(reasons: Sequence[str]) -> str:
    rest = len(reasons) - _MOST_REASONS
    shown = list(reasons) if rest <= 1 else [*reasons[:_MOST_REASONS], f"and {rest} more"]
    return "; ".join(shown)


def _wrapped(text: str, width: int | None) -> str:
    """Return a text below a row, no wider than the terminal."""
    return folded(f"  {text}", width)


def undeclared_lines(paths_of: Mapping[str, Sequence[str]]) -> list[str]:
    """Return in words what lies among the results and is not declared, by analysis."""
    return [
        f"not declared: {path}; `stanchion clean {name}` removes it"
        for name, paths in paths_of.items()
        for path in paths
    ]


def as_json(
    statuses: Sequence[FitStatus],
    altered: Sequence[str] = (),
    comparisons: Sequence[ComparisonStatus] = (),
    jobs: Sequence[object] | None = (),
    undeclared: Mapping[str, Sequence[str]] | None = None,
    progress: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return the statuses, what was altered or not declared, jobs and progress, as JSON.

    The jobs are null where the cluster does not answer.
    """
    content = {
        "schema": "stanchion/status/1",
        **results_as_json(statuses, comparisons),
        "altered": list(altered),
        "jobs": None if jobs is None else [vars(job) for job in jobs],
        "progress": list(progress),
        "not_declared": {name: list(paths) for name, paths in (undeclared or {}).items()},
    }
    return json.dumps(content, indent=1)


def results_as_json(
    statuses: Sequence[FitStatus], comparisons: Sequence[ComparisonStatus]
) -> dict[str, Any]:
    """Return fits and comparisons as plain JSON, as a status and a run have them."""
    return {
        "fits": [_flat(status) for status in statuses],
        "comparisons": [asdict(comparison) for comparison in comparisons],
    }


def _width(text: str) -> int:
    """Return how many columns a text takes; the hat of k̂ takes none."""
    return sum(not combining(letter) for letter in text)


def _padded(text: str, width: int, *, left: bool) -> str:
    space = " " * (width - _width(text))
    return text + space if left else space + text


def _bad(comparison: ComparisonStatus) -> str:
    return f"{comparison.khat_bad} bad" if comparison.khat_bad else ""


def _flat(status: FitStatus) -> dict[str, Any]:
    """Return a status as JSON has it: every figure, null where there is none, before the time."""
    content = asdict(status)
    later = {name: content.pop(name) for name in ("seconds", "ess_per_second", "why")}
    figures = content.pop("figures")
    return {**content, **figures_of({}), **figures, **later}


def _cell(status: FitStatus, figure: Figure) -> str:
    """Return a figure as the report has it."""
    key = str(figure.key)
    value, limit = status.figures.get(key), status.figures.get(f"{key}_limit")
    if value is None:
        return ""
    return shown(FIGURES[figure][0], value, nan if limit is None else limit)


def _per_second(status: FitStatus) -> str:
    rate = status.ess_per_second
    return "" if rate is None else f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"


def _duration(status: FitStatus) -> str:
    if status.seconds is None:
        return "reused" if status.verdict else ""
    return f"{status.seconds:.1f} s"

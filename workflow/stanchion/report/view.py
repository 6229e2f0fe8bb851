"""From a job's files to what the template shows: fits, tables, pictures, in the order of reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stanchion.report.forest import Forest, Interval, Row, forest
from stanchion.report.numbers import decimals, fixed, significant
from stanchion.report.reading import finite, number, picture, read_json, read_table
from stanchion.stats.advice import advice
from stanchion.steps.job import Job

SHOWN_ROWS, FOLDED_ROWS, DRAWN_ROWS = 12, 200, 24
VERDICTS = ("fail", "waived", "warn", "pass")
MARKS = {"pass": "✓", "warn": "!", "fail": "✗", "waived": "~"}


@dataclass(frozen=True)
class CheckView:
    """A check as the report words it."""

    name: str
    verdict: str
    value: str
    threshold: str
    where: str
    source: str
    advice: str
    waiver: Mapping[str, Any] | None


@dataclass(frozen=True)
class FitView:
    """A fit: its verdict, its figures, and what it was made with."""

    name: str
    dataset: str
    model: str
    method: str
    kind: str
    on_fail: str
    verdict: str
    figures: Mapping[str, str]
    checks: tuple[CheckView, ...]
    notes: tuple[str, ...]
    ranks: str
    told: Mapping[str, Any]

    @property
    def bad(self) -> tuple[CheckView, ...]:
        """The checks that did not pass, the worst first."""
        found = [check for check in self.checks if check.verdict != "pass"]
        return tuple(sorted(found, key=lambda check: VERDICTS.index(check.verdict)))

    @property
    def stopped(self) -> bool:
        """Whether nothing may be computed from this fit."""
        return self.verdict == "fail" and self.on_fail == "stop"


@dataclass(frozen=True)
class Estimates:
    """A table of parameters of one fit: rows at sight, rows folded, and how many are left out."""

    fit: FitView
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    folded: tuple[tuple[str, ...], ...]
    omitted: int
    path: str


@dataclass(frozen=True)
class Answer:
    """What the fits of one dataset and model say, side by side."""

    title: str
    estimates: tuple[Estimates, ...]
    forest: Forest | None
    legend: tuple[str, ...]


def fit_views(job: Job) -> list[FitView]:
    """Return every fit of the analysis, as declared."""
    told = job.arguments["fits"]
    files = zip(told, job.paths("diagnostics"), job.paths("ranks"), strict=True)
    return [_fit(fit, read_json(path), picture(ranks)) for fit, path, ranks in files]


def worst(fits: Sequence[FitView]) -> str:
    """Return the worst verdict of these fits."""
    return min((fit.verdict for fit in fits), key=VERDICTS.index)


def answers(job: Job, fits: Sequence[FitView]) -> list[Answer]:
    """Return the estimates of each dataset and model, the methods beside each other."""
    tables = [read_table(path) for path in job.paths("summaries")]
    paths = [f"results/{job.arguments['analysis']}/{fit.name}/summary.csv" for fit in fits]
    found = []
    for pair in job.arguments["pairs"]:
        chosen = [
            (fit, table, path)
            for fit, table, path in zip(fits, tables, paths, strict=True)
            if (fit.dataset, fit.model) == (pair["dataset"], pair["model"])
        ]
        found.append(
            Answer(
                title=f"{pair['model']} on {pair['dataset']}",
                estimates=tuple(_estimates(*one) for one in chosen),
                forest=forest(_forest_rows([table for _, table, _ in chosen])),
                legend=tuple(fit.method for fit, _, _ in chosen),
            )
        )
    return found


def check_view(check: Mapping[str, Any]) -> CheckView:
    """Return a check as the report words it."""
    return CheckView(
        name=check["check"],
        verdict=check["verdict"],
        value=significant(check["value"], 4),
        threshold=significant(check["threshold"], 4),
        where=", ".join(check["where"]),
        source=check["source"],
        advice=advice(check["check"]),
        waiver=check.get("waiver"),
    )


def _fit(told: Mapping[str, Any], diagnostics: Mapping[str, Any], ranks: str) -> FitView:
    values = {check["check"]: check["value"] for check in diagnostics["checks"]}
    ess = [v for v in (values.get("ess_bulk"), values.get("ess_tail")) if v is not None]
    return FitView(
        name=f"{told['dataset']}/{told['model']}/{told['method']}",
        dataset=told["dataset"],
        model=told["model"],
        method=told["method"],
        kind=told["kind"],
        on_fail=told["on_fail"],
        verdict=diagnostics["verdict"],
        figures={
            "worst R-hat": fixed(finite(values.get("rhat")), 3),
            "least ESS": fixed(finite(min(ess)) if ess else None, 0),
            "divergences": fixed(values.get("divergences"), 0),
            "Pareto k̂": fixed(finite(values.get("khat")), 2),
        },
        checks=tuple(check_view(check) for check in diagnostics["checks"]),
        notes=tuple(map(str, diagnostics.get("notes", []))),
        ranks=ranks,
        told=told,
    )


def _estimates(fit: FitView, table: Sequence[Mapping[str, str]], path: str) -> Estimates:
    nuts = fit.kind == "nuts"
    declared = [c for c in (table[0] if table else {}) if c.endswith(("_lower", "_upper"))]
    head = ("variable", "mean", "sd", "median", "5 %", "95 %", *declared)
    columns = ("mean", "sd", "median", "q5", "q95", *declared)
    rows = []
    for row in table[: SHOWN_ROWS + FOLDED_ROWS]:
        places = decimals(number(row.get("mcse_mean")), number(row["sd"]))
        cells = [row["variable"], *(fixed(number(row[c]), places) for c in columns)]
        if nuts:
            ess = [finite(number(row[name])) for name in ("ess_bulk", "ess_tail")]
            cells += [
                significant(number(row["mcse_mean"]), 2),
                *(fixed(value, 0) for value in ess),
                fixed(number(row["rhat"]), 3),
            ]
        rows.append(tuple(cells))
    return Estimates(
        fit=fit,
        head=(*head, "MCSE", "ESS bulk", "ESS tail", "R-hat") if nuts else head,
        rows=tuple(rows[:SHOWN_ROWS]),
        folded=tuple(rows[SHOWN_ROWS:]),
        omitted=max(len(table) - len(rows), 0),
        path=path,
    )


def _forest_rows(tables: Sequence[Sequence[Mapping[str, str]]]) -> list[Row]:
    named: dict[str, list[Interval]] = {}
    for place, table in enumerate(tables):
        for row in table:
            quantiles = [number(row[name]) for name in ("q5", "median", "q95")]
            if None not in quantiles and float(row["sd"] or 0) > 0:
                low, middle, high = (float(q) for q in quantiles if q is not None)
                named.setdefault(row["variable"], []).append(Interval(place, low, middle, high))
    return [Row(name, tuple(found)) for name, found in list(named.items())[:DRAWN_ROWS]]

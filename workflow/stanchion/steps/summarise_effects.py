"""A quantity on a grid of predictors → effects.json, effects.csv and a picture, or why not."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stanchion.checks.reasons import why_stopped
from stanchion.draws.files import without_value
from stanchion.draws.quantities import Quantities
from stanchion.errors import StepError
from stanchion.pictures.catalogue import draw
from stanchion.pictures.style import TOO_FAR, is_drawable
from stanchion.plan.arguments import SummariseEffects
from stanchion.plan.job import Job
from stanchion.stats.band import DEFAULT, band
from stanchion.stats.summary import Floats
from stanchion.system.sentences import listed, percent
from stanchion.system.strict_json import number, write_json

_SCHEMA = "stanchion/effects/1"
_NO_VALUE = "it has no finite value at any draw of the prior"
_COLUMNS = ("predictor", "value", "by", "by_value", "mean", "lower", "upper")


def run(job: Job[SummariseEffects]) -> None:
    """Summarise each row of the grid; nothing where the fit failed, or has no effects.

    Raises:
        StepError: the quantity has not one number for each row of the grid.
    """
    arguments = job.arguments
    diagnostics = json.loads(job.path("diagnostics").read_text())
    because = arguments.because or why_stopped(diagnostics, arguments.on_fail)
    content: dict[str, Any] = {"schema": _SCHEMA, "made": because is None, "because": because}
    if because is None:
        grid = json.loads(job.path("meta").read_text())["grid"]
        content |= _made(arguments, grid, Quantities.read(job.path("quantities")))
    write_json(content, job.outputs["effects"])
    _write_table(content, job.outputs["table"])
    for name, picture in draw("summarise_effects", content, job.outputs).items():
        job.outputs[name].write_bytes(picture)


def _made(
    arguments: SummariseEffects, grid: Mapping[str, Any], quantities: Quantities
) -> dict[str, Any]:
    intervals = None if arguments.intervals is None else vars(arguments.intervals)
    last = grid["effects"][-1]
    rows = last["start"] + len(last["values"]) * len(last["by_values"])
    drawn = quantities.values
    if drawn.shape[2] != rows:
        raise StepError(
            f"{arguments.variable} has {drawn.shape[2]} elements for {rows} new rows",
            where=arguments.fit,
            key="effects.variable",
            todo="declare it with one number for each new row, such as `vector[N_new]`",
        )
    missing = without_value(drawn, "int")
    numbers = band(np.where(missing, np.nan, drawn), intervals)
    share = missing.any(axis=2).mean()
    effects = [_effect(effect, numbers, quantities.prior) for effect in grid["effects"]]
    because = f"{arguments.variable} has no finite value in {percent(share)} of the draws"
    return {
        "because": because if share else None,
        "prior_because": quantities.prior_because or _why_no_lines(effects) or None,
        "variable": arguments.variable,
        "interval": dict(intervals or DEFAULT),
        "titles": dict(arguments.titles or {}),
        "held": grid["held"],
        "observed": _beside(grid["observed"]),
        "effects": effects,
    }


def _why_no_lines(effects: Sequence[Mapping[str, Any]]) -> str:
    """Return why the picture shows no lines of the prior, and of which effects, if not of all."""
    effects_by_reason: dict[str, list[str]] = {}
    for effect in effects:
        if effect["prior_because"] is not None:
            effects_by_reason.setdefault(effect["prior_because"], []).append(effect["effect"])
    return "; ".join(
        because if len(names) == len(effects) else f"of {listed(names)}, {because}"
        for because, names in effects_by_reason.items()
    )


def _why_undrawn(prior: Floats) -> str | None:
    """Return why lines of the prior cannot be drawn, `draw × row`; None where they can."""
    if not np.isfinite(prior).any():
        return _NO_VALUE
    return None if is_drawable(prior) else TOO_FAR


def _beside(observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fitted rows; an outcome that is a predictor is no data beside its own density."""
    is_predictor = observed["values"] in observed["columns"].values()
    return {**observed, **({"outcome": None, "values": None} if is_predictor else {})}


def _effect(effect: Mapping[str, Any], numbers: Floats, prior: Floats | None) -> dict[str, Any]:
    """Return an effect with its lines, each a value of the second predictor.

    A line has what draws of the prior give, `draw × row`, where there are some.
    """
    size = len(effect["values"])
    lines: list[dict[str, Any]] = []
    if prior is not None:
        prior = np.where(without_value(prior, "int"), np.nan, prior)
    for n, by in enumerate(effect["by_values"]):
        start = effect["start"] + size * n
        line = {"by_value": by, "rows": _rows(effect["values"], numbers[start:])}
        if prior is not None:
            rows = prior[:, start : start + size]
            line["prior"] = [[number(value) for value in row] for row in rows.tolist()]
        lines.append(line)
    names = ("effect", "predictor", "kind", "by", "by_kind")
    every = slice(effect["start"], effect["start"] + size * len(lines))
    because = None if prior is None else _why_undrawn(prior[:, every])
    return {**{name: effect[name] for name in names}, "prior_because": because, "lines": lines}


def _rows(values: list[Any], numbers: Floats) -> list[dict[str, Any]]:
    columns = ("mean", "lower", "upper")
    return [
        {"value": value, **dict(zip(columns, map(number, row), strict=True))}
        for value, row in zip(values, numbers.tolist(), strict=False)
    ]


def _write_table(content: Mapping[str, Any], path: Path) -> None:
    """Write a row a point of the grid, unrounded; a number that does not exist is empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(_table(content.get("effects", ())))


def _table(effects: list[Mapping[str, Any]]) -> Iterator[list[Any]]:
    for effect in effects:
        for line in effect["lines"]:
            for row in line["rows"]:
                about = {**row, **line, **effect}
                yield ["" if about[column] is None else about[column] for column in _COLUMNS]

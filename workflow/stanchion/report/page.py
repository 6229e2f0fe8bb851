"""One job → one page: gathers the sections that were declared, and renders them."""

from __future__ import annotations

import html
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stanchion.provenance.runs import PACKAGES
from stanchion.report.forest import COLOURS
from stanchion.report.numbers import fixed, probability, significant
from stanchion.report.reading import number, picture, read_json, read_table
from stanchion.report.view import MARKS, answers, check_view, fit_views, worst
from stanchion.steps.job import Job

TEMPLATES = Path(__file__).parent / "templates"
_PRIOR = re.compile(r"~|_lpdf|_lpmf|lprior")


def page(job: Job) -> str:
    """Return the report of an analysis as one HTML text."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(probability=probability, significant=significant)
    told, fits = job.arguments, fit_views(job)
    return environment.get_template("report.html.j2").render(
        told=told,
        css=Markup((TEMPLATES / "report.css").read_text()),
        marks=MARKS,
        colours=COLOURS,
        fits=fits,
        verdict=worst(fits),
        alarms=[fit for fit in fits if fit.verdict in ("fail", "waived", "warn")],
        answers=answers(job, fits),
        comparison=_comparison(job),
        predictions=_predictions(job),
        priors=_priors(job),
        data=_data(job),
        programs=_programs(job),
        versions=_versions(),
    )


def _comparison(job: Job) -> list[dict[str, Any]] | None:
    if "comparison" not in job.inputs:
        return None
    return [
        {
            "dataset": row["dataset"],
            "model": row["model"],
            "cells": [
                *(fixed(number(row[name]), 1) for name in ("elpd", "se", "p", "diff", "diff_se")),
                fixed(number(row["weight"]), 2),
                fixed(number(row["khat_max"]), 2),
            ],
            "bad": int(number(row["khat_bad"]) or 0),
        }
        for row in read_table(job.path("comparison"))
    ]


def _predictions(job: Job) -> list[dict[str, Any]]:
    fits = [fit for fit in job.arguments["fits"] if fit["has_predictive"]]
    files = zip(fits, job.paths("predictives"), job.paths("predictive_pictures"), strict=True)
    return [
        {
            "name": f"{fit['dataset']}/{fit['model']}/{fit['method']}",
            "content": read_json(content),
            "picture": picture(drawn),
        }
        for fit, content, drawn in files
    ]


def _priors(job: Job) -> list[dict[str, Any]]:
    told = job.arguments["priors"]
    files = zip(told, job.paths("priors"), job.paths("prior_pictures"), strict=True)
    found = []
    for prior, path, drawn in files:
        content = read_json(path)
        checks = [check_view(check) for check in content["checks"]]
        found.append(
            {
                "name": f"{prior['dataset']}/{prior['model']}",
                "verdict": content["verdict"],
                "draws": content["draws"],
                "bad": [check for check in checks if check.verdict != "pass"],
                "picture": picture(drawn),
            }
        )
    return found


def _data(job: Job) -> list[dict[str, Any]]:
    told = job.arguments
    pairs = zip(told["pairs"], told["mappings"], job.paths("metas"), strict=True)
    return [{**pair, "mapping": mapping, "meta": read_json(meta)} for pair, mapping, meta in pairs]


def _programs(job: Job) -> list[dict[str, Any]]:
    """Return each program once, with the models that use it and its lines, priors marked."""
    found: dict[str, dict[str, Any]] = {}
    for model, path in zip(job.arguments["models"], job.paths("programs"), strict=True):
        entry = found.setdefault(
            model["program"],
            {
                "path": model["program"],
                "models": [],
                "options": model["options"],
                "text": _marked(path.read_text()),
            },
        )
        entry["models"].append(model["name"])
    return list(found.values())


def _marked(text: str) -> Markup:
    lines = []
    for line in text.splitlines():
        code, slashes, comment = line.partition("//")
        shown = html.escape(code)
        if _PRIOR.search(code):
            shown = f"<b>{shown}</b>"
        if slashes:
            shown += f"<i>//{html.escape(comment)}</i>"
        lines.append(shown)
    return Markup("\n".join(lines))


def _versions() -> list[tuple[str, str]]:
    found = [("Python", platform.python_version())]
    for package in PACKAGES:
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            continue
    return found

"""Data: a declared dataset → the Stan JSON of one program, and what is known of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stanchion.config import Dataset
from stanchion.datasets import GridRequest, NewRows, build
from stanchion.datasets.stan_json import pieces
from stanchion.plan.arguments import PrepareData
from stanchion.plan.job import Job


def run(job: Job[PrepareData]) -> None:
    """Read the tables, write the program's data and their meta.

    Raises:
        DataError: a table does not hold what was declared, or the program's data do not agree.
    """
    prepare(job)


def prepare(job: Job[PrepareData]) -> None:
    """Do it for the data of a fit, or of its generated quantities."""
    arguments, new_rows = job.arguments, job.arguments.predict
    datasets = {
        name: _dataset(job, name, declared) for name, declared in arguments.declared.items()
    }
    grid = None
    if arguments.grid is not None:
        grid = GridRequest(arguments.grid.of, arguments.grid.outcome, over=arguments.over or {})
    built = build(
        arguments.dataset,
        datasets.pop(arguments.dataset),
        arguments.mapping,
        arguments.variables,
        {dataset: job.path(dataset) for dataset in arguments.declared},
        datasets,
        NewRows(new_rows.dataset, new_rows.taken, grid) if new_rows else None,
        updates=arguments.updates,
        is_conjugate=arguments.is_conjugate,
    )
    with job.outputs["data"].open("w") as file:
        file.writelines(pieces(built.values))
    job.outputs["meta"].write_text(_text(built.meta))
    job.notes["rows"], job.notes["dropped"] = built.meta["rows"], len(built.meta["dropped"])


def _dataset(job: Job[PrepareData], name: str, declared: Mapping[str, Any]) -> Dataset:
    return Dataset.model_validate({**declared, "path": str(job.path(name))})


def _text(meta: dict[str, Any]) -> str:
    return json.dumps(meta, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

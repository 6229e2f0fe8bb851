"""Data: a declared dataset → the Stan JSON of one program, and what is known of it."""

from __future__ import annotations

import json
from typing import Any

from stanchion.config import Dataset, Predict
from stanchion.datasets import build
from stanchion.datasets.stan_json import pieces
from stanchion.plan.job import Job
from stanchion.stan.program import Variable


def run(job: Job) -> None:
    """Read the tables, write the program's data and their meta.

    Raises:
        DataError: a table does not hold what was declared, or the program's data do not agree.
    """
    told = job.arguments
    datasets = {name: _dataset(job, name, told["declared"][name]) for name in told["declared"]}
    name = told["dataset"]
    made = build(
        name,
        datasets.pop(name),
        told["mapping"],
        [
            Variable(**{**variable, "sizes": tuple(variable["sizes"])})
            for variable in told["variables"]
        ],
        {dataset: job.path(dataset) for dataset in told["declared"]},
        datasets,
        Predict.model_validate(told["predict"]) if told["predict"] else None,
    )
    with job.outputs["data"].open("w") as file:
        file.writelines(pieces(made.values))
    job.outputs["meta"].write_text(_text(made.meta))
    job.notes["rows"], job.notes["dropped"] = made.meta["rows"], len(made.meta["dropped"])


def _dataset(job: Job, name: str, declared: dict[str, Any]) -> Dataset:
    return Dataset.model_validate({**declared, "path": str(job.path(name))})


def _text(meta: dict[str, Any]) -> str:
    return json.dumps(meta, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

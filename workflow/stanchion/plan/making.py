"""The step that makes a dataset's table by a person's own script, and what reads such a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stanchion.config import Dataset
from stanchion.plan.arguments import MakeTable
from stanchion.plan.builder import Planner
from stanchion.plan.data import source_of
from stanchion.plan.model import Step


@dataclass(frozen=True)
class Tables:
    """The tables that a step reads, by dataset: files of the project, and those that are made."""

    inputs: Mapping[str, str]
    content: Mapping[str, str]
    """The SHA-256 of those that lie in the project."""
    upstream: list[Step]
    """The steps that make the others."""


def tables_of(planner: Planner, analysis: str, datasets: Mapping[str, Dataset]) -> Tables:
    """Return the tables of datasets, and plan the steps that make some of them."""
    steps = {name: table_step(planner, analysis, name) for name in datasets}
    made = {name: step for name, step in steps.items() if step is not None}
    files = {name: source_of(read) for name, read in datasets.items() if name not in made}
    paths = {name: step.outputs["table"] for name, step in made.items()} | files
    return Tables(
        inputs={name: paths[name] for name in datasets},
        content={name: planner.facts.files[path] for name, path in files.items()},
        upstream=list(made.values()),
    )


def table_step(planner: Planner, analysis: str, name: str) -> Step | None:
    """Return the step that makes a dataset's table for an analysis, None where a file holds it.

    Analyses have it each for itself, so that each is whole: they share one result by its key.
    """
    dataset = planner.project.datasets[name]
    if dataset.script is None or dataset.lock is None:
        return None
    planned = planner.planned("make_table", {"analysis": analysis, "dataset": name})
    if planned is not None:
        return planned
    files = dataset.made_from
    inputs: dict[str, str | list[str]] = {
        **files,
        "script": dataset.script,
        "lock": dataset.lock,
    }
    content: dict[str, Any] = {
        setting: [planner.facts.files[path] for path in paths] for setting, paths in files.items()
    }
    return planner.add(
        "make_table",
        {"analysis": analysis, "dataset": name},
        arguments=MakeTable(
            script=dataset.script,
            sources=tuple(dataset.sources),
            inputs=tuple(dataset.inputs),
            settings=dataset.settings,
            seed=dataset.seed,
            lock=dataset.lock,
            interpreter=dataset.python,
            time_limit=dataset.time_limit,
        ),
        content=content,
        inputs=inputs,
    )

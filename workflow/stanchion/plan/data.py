"""What a plan needs of the declared datasets: where they lie, what they name, what enters keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stanchion.config import Dataset, Predict, Project
from stanchion.schema.references import reference

DOWNLOADS = ".stanchion/downloads"
_PLACE = {"path", "url", "sha256"}


def source_of(dataset: Dataset) -> str:
    """Return where a dataset's file lies: as declared, or where its download is kept."""
    if dataset.path is not None:
        return dataset.path
    return f"{DOWNLOADS}/{dataset.sha256}{dataset.suffix}"


def dataset_content(dataset: Dataset) -> dict[str, Any]:
    """Return a dataset's declaration without the place of its file."""
    return {n: v for n, v in dataset.model_dump(mode="json").items() if n not in _PLACE}


def mapping_of(project: Project, dataset: str, model: str) -> dict[str, Any]:
    """Return Stan variable ← expression: the dataset's mapping, overridden by the model's."""
    return {**project.datasets[dataset].stan, **project.models[model].stan}


@dataclass(frozen=True)
class Ingredients:
    """What a program's data are made of: all that plan and `check` ask of a dataset.

    `datasets` are those that are read, the fitted one first.
    """

    mapping: Mapping[str, Any]
    predict: Predict | None
    datasets: Mapping[str, Dataset]

    @property
    def sources(self) -> dict[str, str]:
        """Where the file of each dataset lies."""
        return {name: source_of(dataset) for name, dataset in self.datasets.items()}


def ingredients(project: Project, analysis: str, dataset: str, model: str) -> Ingredients:
    """Return what the data of a dataset are made of for a model of an analysis."""
    mapping, predict = mapping_of(project, dataset, model), project.analyses[analysis].predict
    others = set(_named(project, mapping))
    if predict is not None and predict.dataset is not None:
        others.add(predict.dataset)
    names = [dataset, *sorted(others - {dataset})]
    return Ingredients(mapping, predict, {name: project.datasets[name] for name in names})


def _named(project: Project, mapping: Mapping[str, Any]) -> Iterator[str]:
    """Yield the datasets that the expressions of a mapping name."""
    for expression in mapping.values():
        named = reference(expression)
        if named is not None and named.dataset in project.datasets:
            yield named.dataset

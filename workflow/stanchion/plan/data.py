"""What a plan needs of the declared datasets: where they lie, what they name, what enters keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stanchion.config import Dataset, Predict, Project

DOWNLOADS = ".stanchion/downloads"
_PLACE = {"path", "url", "sha256"}
_REFERENCE = re.compile(r"\b([A-Za-z][A-Za-z0-9_-]*)\s*\.\s*[A-Za-z]")


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


def dataset_names(
    project: Project, dataset: str, mapping: Mapping[str, Any], predict: Predict | None
) -> list[str]:
    """Return the datasets that a mapping reads: its own first, then those that it names."""
    named = {
        found
        for expression in mapping.values()
        if isinstance(expression, str)
        for found in _REFERENCE.findall(expression)
        if found in project.datasets
    }
    if predict is not None and predict.dataset is not None:
        named.add(predict.dataset)
    return [dataset, *sorted(named - {dataset})]

"""What a plan needs of the declared datasets: where they lie, what they name, what enters keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stanchion.config import Dataset, Project
from stanchion.config.dataset import MADE_BY
from stanchion.plan.arguments import NewRows
from stanchion.plan.conjugate import is_predicted
from stanchion.schema.references import Reference, reference
from stanchion.stats.conjugate import families
from stanchion.system.sentences import visible

DOWNLOADS = ".stanchion/downloads"
_PLACE, _SHOWN = {"path", "url", "sha256", *MADE_BY}, {"label", "unit"}


def source_of(dataset: Dataset) -> str:
    """Return where a dataset's file lies: as declared, or where its download is kept.

    That of a table that a script makes is an output of a step.
    """
    assert dataset.script is None
    if dataset.path is not None:
        return dataset.path
    return f"{DOWNLOADS}/{dataset.sha256}{dataset.suffix}"


def dataset_content(dataset: Dataset) -> dict[str, Any]:
    """Return what a dataset's declaration decides of its data: all but where its table comes from,
    and what columns are called.
    """
    shown = {"columns": {"__all__": _SHOWN}}
    return dataset.model_dump(mode="json", exclude={**dict.fromkeys(_PLACE, True), **shown})


def title_of(project: Project, dataset: str, model: str, variable: str) -> str | None:
    """Return what an axis of a Stan variable is called, where it is a column with label or unit."""
    mapping = mapping_of(project, dataset, model, None)
    name = str(mapping.get(variable, "")).strip()
    column = project.datasets[dataset].columns.get(name)
    title = column.title(name) if column is not None else None
    return None if title is None else visible(title)


def mapping_of(project: Project, dataset: str, model: str, new: str | None) -> dict[str, Any]:
    """Return data variable ← expression: the dataset's mapping, overridden by the model's.

    That of a conjugate model is its own, with the rows of a dataset of `new` ones.
    """
    conjugate = project.models[model].conjugate
    if conjugate is None:
        return {**project.datasets[dataset].stan, **project.models[model].stan}
    return families.mapping_of(
        conjugate.row, conjugate.given, predicts=is_predicted(project, model), new=new
    )


@dataclass(frozen=True)
class Ingredients:
    """What a program's data are made of: all that plan and `check` ask of a dataset.

    `datasets` are those that are read, the fitted one first.
    """

    mapping: Mapping[str, Any]
    new_rows: NewRows | None
    datasets: Mapping[str, Dataset]
    updates: tuple[str, ...] = ()
    """Datasets whose rows follow those of the fitted one."""
    is_conjugate: bool = False


def ingredients(
    project: Project, dataset: str, model: str, new_rows: NewRows | None
) -> Ingredients:
    """Return what the data of a dataset are made of for a model, with its new rows or without."""
    new = new_rows.dataset if new_rows is not None else None
    mapping, updates = mapping_of(project, dataset, model, new), project.models[model].update
    others = {*_named(project, mapping, new_rows), *updates}
    if new_rows is not None and new_rows.taken:
        others.add(new_rows.dataset)
    names = [dataset, *sorted(others - {dataset})]
    return Ingredients(
        mapping=mapping,
        new_rows=new_rows,
        datasets={name: project.datasets[name] for name in names},
        updates=tuple(updates),
        is_conjugate=project.models[model].conjugate is not None,
    )


def _named(project: Project, mapping: Mapping[str, Any], new_rows: NewRows | None) -> Iterator[str]:
    """Yield the datasets that the expressions of a mapping read."""
    left_out = new_rows.dataset if new_rows is not None and not new_rows.taken else None
    for _, named in _references(project, mapping):
        if named.dataset != left_out or named.is_lookup:
            yield named.dataset


def applied_to(project: Project, mapping: Mapping[str, Any], dataset: str) -> set[str]:
    """Return the Stan variables that a mapping makes of the rows of another dataset."""
    named = _references(project, mapping)
    return {name for name, r in named if r.dataset == dataset and not r.is_lookup}


def applied_datasets(project: Project, mapping: Mapping[str, Any]) -> list[str]:
    """Return the datasets whose rows a mapping is applied to, in the order of its variables."""
    named = [r.dataset for _, r in _references(project, mapping) if not r.is_lookup]
    return list(dict.fromkeys(named))


def _references(project: Project, mapping: Mapping[str, Any]) -> Iterator[tuple[str, Reference]]:
    """Yield the Stan variables whose expressions name a declared dataset, with what they name."""
    for variable, expression in mapping.items():
        named = reference(expression)
        if named is not None and named.dataset in project.datasets:
            yield variable, named

"""Whether statistics that are declared as expressions fit the data of every fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stanchion.config import Project
from stanchion.draws.data import data_arrays
from stanchion.draws.naming import Dimension, Naming
from stanchion.errors import Fault
from stanchion.expressions.check import Axis, Kind
from stanchion.expressions.faults import ExpressionError
from stanchion.expressions.replicated import type_of
from stanchion.expressions.statistics import check_statistic
from stanchion.stats.predictive import STATISTICS

Pair = tuple[str, str]
"""A dataset and a model."""


def kinds_of(naming: Naming, values: Mapping[str, Any]) -> dict[str, Kind]:
    """Return what each variable of a program's data is, with the labels along its axes."""
    kinds = {}
    for name, array in data_arrays(values, naming):
        claimed: dict[str, Dimension] = {}
        dims = naming.dims(name, name, array.shape, is_complex=False, claimed=claimed)
        axes = zip(dims, array.shape, strict=True)
        labels = {dim: dimension.labels for dim, dimension in claimed.items()}
        kinds[name] = Kind(
            type_of(array.dtype), tuple(Axis(dim, size, labels.get(dim)) for dim, size in axes)
        )
    return kinds


def statistics_faults(
    project: Project, name: str, data: Sequence[tuple[Pair, Mapping[str, Kind]]]
) -> Iterator[Fault]:
    """Yield a fault for each statistic of an analysis that does not fit the data of some pair.

    Data without the observed variable have a fault of their own.
    """
    declared = project.analyses[name].posterior_predictive
    if declared is None:
        return
    at = ("analyses", name, "posterior_predictive", "statistics")
    suiting = [(pair, kinds) for pair, kinds in data if declared.observed in kinds]
    for position, source in enumerate(declared.statistics):
        if source in STATISTICS:
            continue
        wrong = [
            (pair, error)
            for pair, kinds in suiting
            if (error := _refusal(source, declared.observed, kinds)) is not None
        ]
        for (dataset, model), error in wrong[:1]:
            everywhere = len(wrong) == len(suiting)
            yield project.fault(
                f"{error}" if everywhere else f"{error}; dataset {dataset}, model {model}",
                *(*at, position),
                allowed=error.allowed,
                todo=error.todo,
            )


def _refusal(source: str, observed: str, kinds: Mapping[str, Kind]) -> ExpressionError | None:
    try:
        check_statistic(source, observed, kinds)
    except ExpressionError as error:
        return error
    return None

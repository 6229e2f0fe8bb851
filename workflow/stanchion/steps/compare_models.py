"""draws.nc of an analysis's NUTS fits → comparison.csv: PSIS-LOO, differences, stacking weights."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.draws.files import read_group
from stanchion.errors import Fault, StepError
from stanchion.stats.comparison import Compared, compare
from stanchion.stats.gate import why_stopped
from stanchion.stats.psis import khat_threshold, loo
from stanchion.steps.job import Job

Floats = NDArray[np.float64]
COLUMNS = ("dataset", "model", *(field.name for field in fields(Compared)))


@dataclass(frozen=True)
class Candidate:
    """A fit that may be compared: log likelihood (`chain × draw × observation`) and data."""

    dataset: str
    model: str
    method: str
    log_likelihood: Floats
    observed: dict[str, NDArray[Any]]


def run(job: Job) -> None:
    """Compare the models of each dataset; a failed fit that stops the run is left out.

    Of several NUTS fits of one model, the first declared that may be used stands for it.

    Raises:
        StepError: a fit has no usable log_lik, or the fits of a dataset have not the same
            observations.
    """
    candidates, left_out = _candidates(job)
    job.notes["left_out"] = left_out
    rows: list[tuple[Any, ...]] = []
    for dataset, group in groupby(candidates, key=lambda candidate: candidate.dataset):
        models = list(group)
        _check_same_observations(models)
        rows += [(dataset, *row) for row in _compared(models)]
    with job.outputs["comparison"].open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([COLUMNS, *rows])


def _candidates(job: Job) -> tuple[list[Candidate], list[str]]:
    """Read the fits that may be compared, by dataset; also return what is left out, and why."""
    found: dict[tuple[str, str], Candidate] = {}
    left_out: list[str] = []
    faults: list[Fault] = []
    fits = zip(job.arguments["fits"], job.paths("draws"), job.paths("diagnostics"), strict=True)
    for fit, draws, diagnostics in fits:
        name = f"{fit['dataset']}/{fit['model']}/{fit['method']}"
        because = why_stopped(json.loads(diagnostics.read_text()), fit["on_fail"])
        if because is None and (fit["dataset"], fit["model"]) in found:
            because = "another NUTS fit of this model is compared"
        if because is not None:
            left_out.append(f"{name}: {because}")
            continue
        try:
            candidate = _candidate(fit, draws)
        except StepError as error:
            faults += error.faults
            continue
        found[fit["dataset"], fit["model"]] = candidate
    if faults:
        raise StepError(faults)
    return sorted(found.values(), key=lambda candidate: candidate.dataset), left_out


def _candidate(fit: dict[str, Any], draws: Path) -> Candidate:
    likelihood = list(read_group(draws, "log_likelihood").values())
    if not likelihood:
        raise StepError(
            f"the model {fit['model']} computes no log_lik, so it cannot be compared by LOO",
            key="compare.by",
            todo="add `vector[N] log_lik` with the log density of each observation to the "
            "program's generated quantities, or remove `compare:`",
        )
    values = likelihood[0].reshape(*likelihood[0].shape[:2], -1)
    if not np.isfinite(values).all():
        raise StepError(
            f"log_lik of {fit['dataset']}/{fit['model']} holds values that are not finite",
            key="compare.by",
            todo="look for observations to which the model gives no probability",
        )
    return Candidate(
        fit["dataset"], fit["model"], fit["method"], values, read_group(draws, "observed_data")
    )


def _check_same_observations(models: Sequence[Candidate]) -> None:
    first = models[0]
    faults = [
        Fault(
            f"{first.dataset}: the models {first.model} and {other.model} cannot be compared: "
            f"{difference}",
            key="compare.by",
            todo="compare models of the same rows; leave the others to an analysis of their own",
        )
        for other in models[1:]
        for difference in _differences(first, other)
    ]
    if faults:
        raise StepError(faults)


def _differences(one: Candidate, other: Candidate) -> Iterator[str]:
    sizes = one.log_likelihood.shape[2], other.log_likelihood.shape[2]
    if sizes[0] != sizes[1]:
        yield f"log_lik has {sizes[0]} observations in the one and {sizes[1]} in the other"
    for name in sorted(one.observed.keys() & other.observed.keys()):
        if not np.array_equal(one.observed[name], other.observed[name]):
            yield f"their observed {name} differs"


def _compared(models: Sequence[Candidate]) -> list[tuple[Any, ...]]:
    """Return a row a model, best elpd first."""
    draws = min(model.log_likelihood[:, :, 0].size for model in models)
    compared = compare([loo(model.log_likelihood) for model in models], khat_threshold(draws))
    rows = [
        (model.model, *(_shown(value) for value in astuple(found)))
        for model, found in zip(models, compared, strict=True)
    ]
    order = sorted(range(len(rows)), key=lambda place: -compared[place].elpd)
    return [rows[place] for place in order]


def _shown(value: float | int) -> str:
    return "" if value != value else repr(value)

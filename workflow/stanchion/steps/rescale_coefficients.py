"""draws.nc and the meta of its data → original_scale.csv: coefficients of columns as they were."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from stanchion.checks.reasons import why_stopped
from stanchion.draws.attempts import ATTRIBUTE, Attempts
from stanchion.draws.columns import default_pattern, scalar_names
from stanchion.draws.files import read_attributes, read_proposal, read_stored, read_variable
from stanchion.draws.labels import scalar_labels
from stanchion.draws.tree import POSTERIOR, PROPOSAL, proposal_name
from stanchion.draws.weighting import RESAMPLED, WEIGHTING
from stanchion.methods.catalogue import method_of
from stanchion.plan.arguments import Coefficients, RescaleCoefficients
from stanchion.plan.job import Job
from stanchion.stats.importance import weighted_errors
from stanchion.stats.linear import mapped
from stanchion.stats.summary import Numbers, summarise

_ORIGINAL = "original"


def run(job: Job[RescaleCoefficients]) -> None:
    """Write a row a coefficient; none where a failed fit stops the run, or nothing is scaled."""
    draws, arguments = job.path("draws"), job.arguments
    because = why_stopped(json.loads(job.path("diagnostics").read_text()), arguments.on_fail)
    if because is not None:
        job.notes["rescaled"] = f"not made, because {because}"
    maps = json.loads(job.path("meta").read_text()).get("original_scale", {})
    rows = [] if because is not None else list(_rows(draws, arguments, maps))
    table = pd.concat(rows) if rows else pd.DataFrame({"variable": [], "label": []})
    table.to_csv(job.outputs["original_scale"], index=False, lineterminator="\n")


def _rows(
    draws: Path, arguments: RescaleCoefficients, maps: Mapping[str, Any]
) -> Iterator[pd.DataFrame]:
    for coefficient in arguments.coefficients:
        original = maps.get(coefficient.matrix, {})
        if "labels" not in original:
            continue
        rescaled = _rescaled(draws, coefficient, original)
        name, values = coefficient.variable, rescaled[coefficient.variable].values
        flat = values.reshape(*values.shape[:2], -1)
        pattern = default_pattern(name, values.ndim - 2)
        names = list(scalar_names(pattern, values.shape[2:]))
        labels = scalar_labels(rescaled, name, pattern, names)
        numbers = _numbers(draws, arguments, flat) | _errors(draws, coefficient, original)
        yield pd.DataFrame({"variable": name, "label": labels, **numbers})


def _rescaled(draws: Path, coefficient: Coefficients, original: Mapping[str, Any]) -> xr.Dataset:
    """Return the coefficients by the labels of their original scale, other dimensions as before."""
    variable = read_variable(draws, POSTERIOR, coefficient.variable)
    values = _mapped(variable, coefficient, original)
    axis = coefficient.axis + 2
    dims = [*variable.dims]
    dropped, dims[axis] = dims[axis], _ORIGINAL
    coords = {d: c for d, c in variable.coords.items() if dropped not in c.dims}
    labels = np.array(original["labels"])
    return xr.Dataset(
        {coefficient.variable: (dims, values)}, {**coords, _ORIGINAL: (_ORIGINAL, labels)}
    )


def _mapped(
    variable: xr.DataArray, coefficient: Coefficients, original: Mapping[str, Any]
) -> NDArray[np.float64]:
    axis, size = coefficient.axis + 2, len(original["labels"])
    return mapped(variable.values, axis, size, original["columns"])


def _errors(draws: Path, coefficient: Coefficients, original: Mapping[str, Any]) -> Numbers:
    """Return the Monte Carlo errors of resampled draws, by the weights that they were taken by."""
    if read_attributes(draws, POSTERIOR).get(WEIGHTING[0]) != RESAMPLED:
        return {}
    proposal = read_proposal(draws)
    assert proposal is not None
    name = proposal_name(coefficient.variable)
    raw = _mapped(read_stored(draws, PROPOSAL, name), coefficient, original)
    flat = raw.reshape(*raw.shape[:2], -1)
    return weighted_errors(flat, list(range(flat.shape[2])), proposal.weights)


def _numbers(draws: Path, arguments: RescaleCoefficients, values: Any) -> Numbers:
    """Return the columns of a summary, with the Monte Carlo errors that the method's draws have."""
    attributes = read_attributes(draws, POSTERIOR)
    tried = attributes.get(ATTRIBUTE)
    drew = arguments if tried is None else Attempts.read(tried)
    method = method_of(drew.method, drew.method_version).model_validate(drew.settings)
    columns = list(range(values.shape[2]))
    intervals = vars(arguments.intervals) if arguments.intervals else None
    numbers = summarise(values, columns, sampled=method.markov_chains > 0, intervals=intervals)
    return numbers if WEIGHTING[0] in attributes else numbers | method.errors(values, columns)

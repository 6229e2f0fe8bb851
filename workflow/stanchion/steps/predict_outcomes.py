"""draws.nc → predictive.json and a picture: replicated data against the observed, new rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stanchion.checks.reasons import why_stopped
from stanchion.draws.attempts import ATTRIBUTE, Attempts
from stanchion.draws.files import (
    has_variable,
    is_labelled,
    is_point,
    labels_of,
    observation_labels,
    read_attributes,
    read_fit_attributes,
    read_group,
    read_proposal,
    read_variable,
    without_value,
)
from stanchion.draws.tree import PROPOSAL, SAMPLE_DIMS
from stanchion.draws.weighting import UNWEIGHTED
from stanchion.errors import StepError
from stanchion.pictures.catalogue import draw
from stanchion.pictures.outcomes import Checked, Outcomes, Predicted
from stanchion.pictures.predictions import described_rows
from stanchion.pictures.replications import Replications
from stanchion.plan.arguments import Intervals, PosteriorPredictive, Predict, PredictOutcomes
from stanchion.plan.job import Job
from stanchion.stats.intervals import CENTRAL, interval_names
from stanchion.stats.loo_pit import Pit, pit_of
from stanchion.stats.predictive import STATISTICS, Statistic, statistic
from stanchion.stats.psis import leave_one_out, worst_khat
from stanchion.stats.summary import Numbers, summarise
from stanchion.steps.expressed import expressed_statistic
from stanchion.system.sentences import percent
from stanchion.system.strict_json import number, write_json

Floats = NDArray[np.float64]
_SCHEMA = "stanchion/predictive/1"


def run(job: Job[PredictOutcomes]) -> None:
    """Check replicated data and summarise predictions; not where a failed fit stops the run.

    Raises:
        StepError: observed and replicated data differ in shape.
    """
    diagnostics = json.loads(job.path("diagnostics").read_text())
    because = why_stopped(diagnostics, job.arguments.on_fail) or _why_not(job)
    if because is not None:
        content: dict[str, Any] = {"schema": _SCHEMA, "made": False, "because": because}
        outcomes = Outcomes(because, None)
    else:
        content, outcomes = _made(job)
    write_json(content, job.outputs["predictive"])
    for name, picture in draw("predict_outcomes", outcomes, job.outputs).items():
        job.outputs[name].write_bytes(picture)


def _why_not(job: Job[PredictOutcomes]) -> str | None:
    """Return why a fit without draws predicts nothing, None where it has draws."""
    if not is_point(job.path("draws")):
        return None
    attempts = Attempts.read(read_fit_attributes(job.path("draws"))[ATTRIBUTE])
    return f"{attempts.method} gives a point"


def _made(job: Job[PredictOutcomes]) -> tuple[dict[str, Any], Outcomes]:
    draws, arguments = job.path("draws"), job.arguments
    content: dict[str, Any] = {"schema": _SCHEMA, "made": True}
    checked, replicated = _checked(draws, arguments.posterior_predictive, arguments.seed)
    if isinstance(replicated, Checked):
        data = replace(replicated.data, title=arguments.observed_title)
        replicated = replace(replicated, data=data)
    new_rows = json.loads(job.path("meta").read_text()).get("new_rows")
    predicted, rows = _predicted(draws, arguments.predict, arguments.intervals, new_rows)
    if isinstance(rows, Predicted):
        rows = replace(rows, title=arguments.predicted_title)
    return content | checked | {"predictions": predicted}, Outcomes(replicated, rows)


def _checked(
    draws: Path, declared: PosteriorPredictive | None, seed: int
) -> tuple[dict[str, Any], Checked | str | None]:
    if declared is None:
        return {**_no_statistics(None, None, None), **_no_pit("")}, None
    name = declared.observed
    if not has_variable(draws, "posterior_predictive", name):
        reason = f"its draws hold no {declared.replicated}"
        none = _no_statistics(name, declared.replicated, reason)
        return {**none, **_no_pit(reason)}, reason
    observed = read_variable(draws, "observed_data", name).values.astype(np.float64)
    variable = read_variable(draws, "posterior_predictive", name)
    drawn, kind = variable.values, variable.attrs["type"]
    if drawn.shape[2:] != observed.shape:
        raise StepError(
            f"{declared.replicated} has the shape {drawn.shape[2:]}, {name} {observed.shape}",
            key="posterior_predictive.replicated",
            todo="declare the replication with the sizes of the observed data",
        )
    if not observed.size:
        reason = f"{name} has no observations"
        none = _no_statistics(name, declared.replicated, reason)
        return {**none, **_no_pit(reason)}, reason
    missing = without_value(drawn, kind).reshape(-1, observed.size).any(axis=1).mean()
    if missing:
        reason = f"{declared.replicated} has no finite value in {percent(missing)} of the draws"
        none = _no_statistics(name, declared.replicated, reason)
        return {**none, **_no_pit(reason)}, reason
    replicated, discrete = drawn.reshape(-1, observed.size).astype(np.float64), kind == "int"
    data = Replications(name, observed.ravel(), replicated, discrete)
    flat = observed.ravel(), replicated
    statistics = [
        statistic(source, *flat)
        if source in STATISTICS
        else expressed_statistic(draws, source, name, drawn)
        for source in declared.statistics
    ]
    named = declared.replicated
    pit, reason = _pit(draws, observed.ravel(), replicated, named, discrete=discrete, seed=seed)
    content = {
        "observed": name,
        "replicated": declared.replicated,
        "statistics": [_statistic(result) for result in statistics],
        "statistics_because": None,
        **(_no_pit(reason) if pit is None else _pit_summary(pit)),
    }
    labels = observation_labels(draws) if pit is not None else []
    return content, Checked(data, statistics, pit, reason, labels)


def _pit(
    draws: Path, observed: Floats, replicated: Floats, name: str, *, discrete: bool, seed: int
) -> tuple[Pit | None, str]:
    """Return LOO-PIT with its test and its k̂, or why there is none.

    That of an approximation is made from its draws as they came, of the variable `name` that
    replicates: those that were resampled hold some of them many times.
    """
    likelihoods = list(read_group(draws, "log_likelihood").values())
    if not likelihoods:
        return None, "there is no log_lik; add it to the generated quantities of the program"
    likelihood = likelihoods[0].reshape(*likelihoods[0].shape[:2], -1)
    if likelihood.shape[2] != len(observed):
        return None, f"log_lik has {likelihood.shape[2]} values for {len(observed)} observations"
    raw, ratios = read_proposal(draws), None
    if raw is not None and raw.log_likelihood is not None:
        proposed = read_variable(draws, PROPOSAL, name).values.astype(np.float64)
        replicated = proposed.reshape(-1, len(observed))
        likelihood, ratios = raw.log_likelihood, raw.log_p - raw.log_q
    if not np.isfinite(likelihood).all():
        return None, "log_lik holds values that are not finite"
    if np.isnan(observed).any():
        return None, f"{int(np.isnan(observed).sum())} of {len(observed)} observations are NaN"
    if not np.isfinite(replicated).all():
        return None, "the replicated data hold values that are not finite"
    weighting = read_attributes(draws, "posterior").get("weighting")
    if weighting == UNWEIGHTED or (weighting is not None and raw is None):
        return None, f"the draws are those of an approximation, {weighting}"
    weights = leave_one_out(likelihood, ratios)
    return pit_of(observed, replicated, weights, discrete=discrete, seed=seed), ""


def _no_statistics(
    observed: str | None, replicated: str | None, because: str | None
) -> dict[str, Any]:
    return {
        "observed": observed,
        "replicated": replicated,
        "statistics": [],
        "statistics_because": because,
    }


def _pit_summary(pit: Pit) -> dict[str, Any]:
    content = {
        "observations": len(pit.khat),
        "p": number(pit.test.p),
        "uniform": pit.test.uniform,
        "khat_max": number(worst_khat(pit.khat)),
        "khat_bad": int(pit.bad.sum()),
    }
    return {"loo_pit": content, "loo_pit_because": None}


def _no_pit(because: str) -> dict[str, Any]:
    return {"loo_pit": None, "loo_pit_because": because or None}


def _statistic(result: Statistic) -> dict[str, Any]:
    """Describe a statistic; the tail probability counts ties half, null where there is none."""
    replicated = result.replicated
    return {
        "statistic": result.name,
        "observed": number(result.observed),
        "replicated_mean": number(replicated.mean()) if replicated.size else None,
        "replicated_sd": number(replicated.std(ddof=1)) if replicated.size > 1 else None,
        "tail_probability": number(result.tail_probability),
        "undefined": result.undefined,
    }


def _predicted(
    draws: Path,
    declared: Predict | None,
    intervals: Intervals | None,
    new_rows: Mapping[str, Any] | None,
) -> tuple[dict[str, Any] | None, Predicted | str | None]:
    if declared is None:
        return None, None
    name = declared.variable
    if not has_variable(draws, "predictions", name):
        reason = f"the draws hold no {name}"
        return {"variable": name, "rows": [], "because": reason}, reason
    variable = read_variable(draws, "predictions", name)
    drawn = variable.values
    if not drawn.size:
        empty = f"{name} has no elements"
        return {"variable": name, "rows": [], "because": empty}, empty
    missing = without_value(drawn, variable.attrs["type"])
    values = np.where(missing & np.isfinite(drawn), np.nan, drawn)
    flat = values.reshape(*values.shape[:2], -1)
    interval = vars(intervals) if intervals is not None else None
    numbers = summarise(flat, range(flat.shape[2]), sampled=False, intervals=interval)
    labels = labels_of(variable)
    columns = ("mean", "sd", *CENTRAL, *interval_names(interval))
    share = missing.reshape(*flat.shape).any(axis=2).mean()
    because = f"{name} has no finite value in {percent(share)} of the draws" if share else None
    content = {
        "variable": name,
        "dims": [str(dim) for dim in variable.dims if dim not in SAMPLE_DIMS],
        "rows": _rows(labels, numbers, columns),
        "because": because,
    }
    picture = np.stack([numbers[column] for column in ("mean", *CENTRAL)], axis=1)
    return content, Predicted(name, _picture_labels(variable, labels, new_rows), picture)


def _picture_labels(
    variable: xr.DataArray, labels: Sequence[str], new_rows: Mapping[str, Any] | None
) -> Sequence[str]:
    """Return the labels of rows; where these are numbers, the values that the rows were given."""
    dims = [str(dim) for dim in variable.dims if dim not in SAMPLE_DIMS]
    if new_rows is None or dims != [f"{new_rows['dataset']}_obs"] or is_labelled(variable, dims[0]):
        return labels
    described = described_rows(new_rows["columns"])
    return [f"{row}: {text}" for row, text in zip(labels, described, strict=False)] or labels


def _rows(labels: Sequence[str], numbers: Numbers, columns: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"row": label} | {column: number(numbers[column][row]) for column in columns}
        for row, label in enumerate(labels)
    ]

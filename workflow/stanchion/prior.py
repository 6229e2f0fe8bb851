"""Draws from the prior → prior.nc, prior.json and a picture; the step `sample_prior` calls it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stanchion import pictures
from stanchion.draws.files import (
    read_gated,
    read_generated,
    read_group,
    read_messages,
    read_type,
    write_tree,
)
from stanchion.draws.naming import Naming, Roles
from stanchion.draws.stan_csv import read_chains
from stanchion.draws.tree import prior_tree
from stanchion.stats import gate
from stanchion.stats.scan import scan
from stanchion.steps.job import Job
from stanchion.strict_json import write_json

THRESHOLDS = {"rhat": 1.05, "ess": 100, "divergences": 0, "ebfmi": 0.3}
"""A prior is looked at, not summarised to the third digit: R-hat may be as large as 1.05, and a
hundred independent draws place a tail of 5 % to ± 2 %."""


def summarise_prior(job: Job, chain_files: Sequence[Path]) -> None:
    """Write draws, checks (warnings at most) and the picture of what the prior predicts.

    Raises:
        ChainError: a chain is not whole, or does not hold what the program declares.
    """
    told = job.arguments
    chains = read_chains(chain_files)
    data = json.loads(job.path("data").read_text())
    naming = Naming.of(told["variables"], data, json.loads(job.path("meta").read_text()))
    roles = Roles(told["observed"], told["replicated"], told["predicted"])
    path = job.outputs["prior"]
    write_tree(prior_tree(chains, naming, roles, data), path, chains.messages)
    write_json(_checked(path), job.outputs["checks"])
    job.outputs["picture"].write_bytes(_picture(path, roles))


def _checked(path: Path) -> dict[str, Any]:
    scalars = read_gated(path)
    stats = read_group(path, "sample_stats_prior")
    found = scan(scalars.values, scalars.variables)
    chains, draws, _ = scalars.values.shape
    sampler = gate.Sampler.of(stats)
    generated = [(one.names, one.not_finite) for one in read_generated(path)]
    checks = [
        *gate.prior_checks(scalars.names, found, sampler, chains=chains, thresholds=THRESHOLDS),
        gate.generated_check(generated, used=(), messages=read_messages(path)),
    ]
    return {
        "schema": "stanchion/prior/1",
        "verdict": gate.verdict(checks),
        "checks": [check.as_json() for check in checks],
        "notes": gate.notes(scalars.names, found),
        "draws": chains * draws,
    }


def _picture(path: Path, roles: Roles) -> bytes:
    if roles.observed is None:
        return pictures.placeholder("no observed and replicated data are declared")
    replicated = read_group(path, "prior_predictive")[roles.observed]
    observed = read_group(path, "observed_data")[roles.observed].astype(np.float64)
    discrete = read_type(path, "prior_predictive", roles.observed) == "int"
    flat = replicated.reshape(replicated.shape[0] * replicated.shape[1], -1)
    data = pictures.Replications(roles.observed, observed.ravel(), flat, discrete)
    return pictures.prior_predictive(data)

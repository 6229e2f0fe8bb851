"""Draws from the prior → prior.nc, prior.json and a picture; the step `sample_prior` calls it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from stanchion.checks import gate
from stanchion.checks.catalogue import prior_thresholds
from stanchion.checks.numbers import FitNumbers, Generated, Sampler
from stanchion.checks.row import Size
from stanchion.checks.scan import scan
from stanchion.checks.switch import Switch
from stanchion.checks.verdicts import FAIL
from stanchion.draws.files import gated, generated, without_value, write_tree
from stanchion.draws.naming import Naming, Roles, stored_name
from stanchion.draws.stan_csv import Chains
from stanchion.draws.tree import prior_tree
from stanchion.pictures.catalogue import draw
from stanchion.pictures.replications import Replications
from stanchion.plan.arguments import SamplePrior
from stanchion.plan.job import Job
from stanchion.stan.prior_switch import Densities
from stanchion.system.strict_json import write_json


def summarise_prior(
    job: Job[SamplePrior], chains: Chains, log_densities: Densities | None = None
) -> None:
    """Write draws, checks and the picture of what the prior predicts.

    Checks of the sampler warn at most; that the draws are not the prior's is a failure.

    Raises:
        ChainError: a chain is not whole, or does not hold what the program declares.
    """
    variables = job.arguments.variables
    data = json.loads(job.path("data").read_text())
    naming = Naming.of(variables.declared, data, json.loads(job.path("meta").read_text()))
    roles = Roles(variables.observed, variables.replicated, variables.predicted)
    tree = prior_tree(chains, naming, roles, data)
    write_tree(tree, job.outputs["prior"], chains.messages)
    observations = has_observations(data, variables.observed)
    checked = _checked(tree, chains.messages, log_densities, observations=observations)
    write_json(checked, job.outputs["checks"])
    subject = (
        "these are draws from the posterior: prior_only has no effect"
        if checked["verdict"] == FAIL
        else _replications(tree, roles)
    )
    for name, picture in draw("sample_prior", subject, job.outputs).items():
        job.outputs[name].write_bytes(picture)


def has_observations(data: Mapping[str, Any], observed: str | None) -> bool:
    """Tell whether there is anything that a likelihood could be of.

    That is the observed variable where one is declared, else any array.
    """
    if observed is not None and observed in data:
        return np.size(data[observed]) > 0
    arrays = [value for value in data.values() if isinstance(value, list)]
    return not arrays or any(np.size(value) > 0 for value in arrays)


def _checked(
    tree: xr.DataTree,
    messages: Sequence[str],
    log_densities: Densities | None,
    *,
    observations: bool,
) -> dict[str, Any]:
    scalars = gated(tree)
    stats = tree["sample_stats_prior"].dataset
    findings = scan(scalars.values, scalars.variables)
    chains, draws, _ = scalars.values.shape
    numbers = FitNumbers(
        scalars.names,
        findings,
        chains=chains,
        sampler=Sampler.of({str(name): stats[name].values for name in stats.data_vars}),
        generated=Generated(
            [(quantity.names, quantity.not_finite) for quantity in generated(tree)],
            messages=messages,
        ),
        switch=None
        if log_densities is None
        else Switch(log_densities.prior, log_densities.posterior, observations),
    )
    checks = gate.check_prior(numbers, prior_thresholds(Size(chains, draws)))
    return {
        "schema": "stanchion/prior/1",
        "verdict": gate.verdict(checks),
        "checks": [check.as_json() for check in checks],
        "notes": gate.notes(scalars.names, findings),
        "draws": chains * draws,
    }


def _replications(tree: xr.DataTree, roles: Roles) -> Replications | str:
    if roles.observed is None:
        return "no observed and replicated data are declared"
    name = stored_name(roles.observed)
    replicated = tree["prior_predictive"].dataset[name]
    observed = tree["observed_data"].dataset[name].values.astype(np.float64)
    kind = replicated.attrs["type"]
    drawn = np.where(without_value(replicated.values, kind), np.nan, replicated.values)
    flat = drawn.reshape(drawn.shape[0] * drawn.shape[1], -1)
    return Replications(roles.observed, observed.ravel(), flat, kind == "int", roles.observed)

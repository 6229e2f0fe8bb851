"""Parameters of a fit's draws, and quantities generated at them → a tree of draws."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import xarray as xr

from stanchion.draws.columns import Column
from stanchion.draws.files import open_draws, read_attributes, read_parameters
from stanchion.draws.naming import BLOCKS, Naming, Roles
from stanchion.draws.quantities import Quantities
from stanchion.draws.stan_csv import Chains
from stanchion.draws.tree import note_weighting, posterior_tree
from stanchion.draws.weighting import WEIGHTING
from stanchion.plan.arguments import CollectDraws
from stanchion.plan.job import Job

_SAMPLER, _LIBRARY = "sample_stats", "inference_library"


def generated_tree(job: Job[CollectDraws]) -> tuple[Chains, Naming, xr.DataTree]:
    """Return draws of the program's parameters and of what it generated, by column and as a tree.

    What the sampler said, and how draws were weighted, is what the other fit says of them. Where
    nothing was generated, since the other fit failed, there are its parameters only.
    """
    variables, source = job.arguments.variables, job.path("source")
    quantities = Quantities.read(job.path("quantities"))
    parameters = {variable.name for variable in variables.declared[BLOCKS[0]]}
    columns, values = read_parameters(source, parameters)
    if quantities.columns:
        columns = [*columns, *quantities.columns]
        values = np.concatenate([values, quantities.values], axis=2)
    attributes = read_attributes(source, "posterior")
    chains = Chains(
        tuple(columns),
        values,
        None,
        quantities.messages,
        version=attributes.get(f"{_LIBRARY}_version"),
        library=attributes.get(_LIBRARY),
    )
    data = json.loads(job.path("data").read_text())
    naming = Naming.of(variables.declared, data, json.loads(job.path("meta").read_text()))
    naming = _generated_only(naming, quantities)
    roles = Roles(variables.observed, variables.replicated, variables.predicted)
    tree = posterior_tree(chains, naming, roles, data)
    with open_draws(source, _SAMPLER) as drawn:
        tree[_SAMPLER] = xr.DataTree(drawn[_SAMPLER].to_dataset().load())
    if WEIGHTING[0] in attributes:
        note_weighting(tree, {name: attributes[name] for name in WEIGHTING})
    return chains, naming, tree


def _generated_only(naming: Naming, quantities: Quantities) -> Naming:
    """Leave out the blocks of which nothing was generated."""
    bases = {Column.parse(name).variable.split(".", 1)[0] for name in quantities.columns}
    made = {about.block for name, about in naming.declared.items() if name in bases}
    blocks = {BLOCKS[0], *made}
    declared = {name: about for name, about in naming.declared.items() if about.block in blocks}
    return replace(naming, declared=declared)

"""Chains → draws.nc and summary.csv; draws of an approximation are reweighted where k̂ allows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from stanchion.checks.verdicts import FAIL
from stanchion.draws.attempts import ATTRIBUTE, Attempts
from stanchion.draws.columns import Column
from stanchion.draws.exact import Exact, exact_draws
from stanchion.draws.files import (
    labels_by_name,
    open_draws,
    read_attributes,
    without_value,
    write_tree,
)
from stanchion.draws.modes import FILE as MODES_FILE
from stanchion.draws.modes import Modes
from stanchion.draws.naming import BLOCKS, GATED, Naming, Roles, variable_of
from stanchion.draws.quantities import Quantities, with_quantities
from stanchion.draws.stan_csv import Chains, read_chains
from stanchion.draws.tree import (
    MODES,
    POINT,
    POSTERIOR,
    PRIOR_GROUPS,
    PROPOSAL,
    note_weighting,
    point_tree,
    posterior_tree,
)
from stanchion.draws.weighting import WEIGHTING
from stanchion.errors import StepError
from stanchion.methods.catalogue import method_of
from stanchion.methods.method import Method
from stanchion.plan.arguments import CollectDraws
from stanchion.plan.job import Job
from stanchion.sampling.external import FILE, External, external_draws
from stanchion.stan.progress import forget_chains
from stanchion.stats.intervals import ERROR, ESTIMATE
from stanchion.stats.summary import Numbers, summarise
from stanchion.steps.generated import generated_tree
from stanchion.steps.sampled import chains_of


def run(job: Job[CollectDraws]) -> None:
    """Collect a fit's chains.

    Raises:
        ChainError: a chain is not whole, or does not hold what the program declares.
        StepError: `parameters` names what the program does not declare.
    """
    forget_chains(job.log)
    if "source" in job.inputs:
        _collect_generated(job)
        return
    arguments, variables = job.arguments, job.arguments.variables
    data, meta = (json.loads(job.path(name).read_text()) for name in ("data", "meta"))
    fit = _read(job, data, meta)
    weighted = fit.method.weigh(fit.chains, arguments.seed)
    chains = fit.chains if weighted is None else weighted.draws
    roles = Roles(variables.observed, variables.replicated, variables.predicted)
    tree = fit.tree(chains, roles, data)
    if weighted is not None:
        note_weighting(tree, weighted.attributes)
        tree[PROPOSAL] = xr.DataTree(weighted.proposal(fit.naming))
        job.notes["weighting"] = weighted.notes()
    with _prior(job) as prior:
        write_tree(tree.assign(prior), job.outputs["draws"], chains.messages)
    blocks = fit.method.results
    columns, names = summarised_columns(chains, fit.naming, variables.parameters, blocks)
    if fit.method.is_point:
        assert fit.modes is not None
        names, numbers = _point(chains, fit.naming, columns, names, fit.modes)
    else:
        errors = weighted.errors(columns) if weighted else fit.method.errors(chains.values, columns)
        numbers = _estimates(job, fit.method, chains, fit.naming, columns, errors)
        numbers = numbers if fit.exact is None else fit.exact.numbers(names, numbers)
    write_summary(tree, names, numbers, job.outputs["summary"])


@dataclass(frozen=True)
class _Fit:
    """Draws as they were sampled or left, with what only some methods say of theirs."""

    method: Method
    """The one whose draws they are."""
    chains: Chains
    naming: Naming
    attempts: Attempts | None
    modes: Modes | None
    exact: Exact | None
    external: External | None

    def tree(self, chains: Chains, roles: Roles, data: Mapping[str, Any]) -> xr.DataTree:
        """Return these draws by group, and what is known of them."""
        is_point = self.method.is_point
        as_tree, group = (point_tree, POINT) if is_point else (posterior_tree, POSTERIOR)
        tree = as_tree(chains, self.naming, roles, data)
        if self.attempts is not None:
            tree[group].attrs[ATTRIBUTE] = self.attempts.as_json()
        for known in (self.exact, self.external):
            if known is not None:
                tree[POSTERIOR].attrs.update(known.attributes)
        if self.modes is not None:
            tree[MODES] = xr.DataTree(self.modes.dataset())
        return tree


def _read(job: Job[CollectDraws], data: Mapping[str, Any], meta: Mapping[str, Any]) -> _Fit:
    """Read what a fit's chains, its script or a file left, or draw from its exact posterior."""
    arguments, variables = job.arguments, job.arguments.variables
    method, paths, attempts, others = chains_of(
        arguments, job.paths("chains"), job.outputs["draws"].parent / "archive"
    )
    exact = _exact(arguments, method, data, meta)
    naming, external = Naming.of(variables.declared, data, meta), None
    if exact is not None:
        chains = exact.chains
    elif method.is_external:
        left = [others[FILE]] if FILE in others else paths
        external = external_draws(left, method, variables, data, meta)
        chains, naming = external.chains, external.naming
    else:
        keep = method.keeps & set(arguments.keep)
        chains = read_chains(paths, method.rows(keep), keep, method.parts)
    modes = Modes.read(others[MODES_FILE]) if MODES_FILE in others else None
    if "quantities" in job.inputs:
        chains = with_quantities(chains, Quantities.read(job.path("quantities")), naming.declared)
    return _Fit(method, chains, naming, attempts, modes, exact, external)


def _collect_generated(job: Job[CollectDraws]) -> None:
    """Collect quantities that were generated at the draws of another fit, with its parameters."""
    attempts = read_attributes(job.path("source"), POSTERIOR).get(ATTRIBUTE)
    drew = job.arguments if attempts is None else Attempts.read(attempts)
    method = method_of(drew.method, drew.method_version).model_validate(drew.settings)
    chains, naming, tree = generated_tree(job)
    write_tree(tree, job.outputs["draws"], chains.messages)
    columns, names = summarised_columns(chains, naming, None, BLOCKS[2:])
    weighted = WEIGHTING[0] in tree[POSTERIOR].attrs
    errors = {} if weighted else method.errors(chains.values, columns)
    estimates = _estimates(job, method, chains, naming, columns, errors)
    write_summary(tree, names, estimates, job.outputs["summary"])


def _estimates(
    job: Job[CollectDraws],
    method: Method,
    chains: Chains,
    naming: Naming,
    columns: Sequence[int],
    errors: Numbers,
) -> Numbers:
    """Return the columns of the summary; an integer without a value in some draw has no number."""
    intervals = job.arguments.intervals
    numbers = summarise(
        chains.values,
        columns,
        sampled=bool(method.markov_chains),
        intervals=vars(intervals) if intervals else None,
    )
    unassigned = _unassigned(chains, naming, columns)
    return {name: np.where(unassigned, np.nan, v) for name, v in (numbers | errors).items()}


def _exact(
    arguments: CollectDraws, method: Method, data: Mapping[str, Any], meta: Mapping[str, Any]
) -> Exact | None:
    """Return the posterior of a conjugate model, None where draws are those of chains."""
    posterior = arguments.posterior
    if posterior is None:
        return None
    return exact_draws(
        posterior.family,
        posterior.prior,
        data,
        [variable.name for variable in arguments.variables.declared["generated_quantities"]],
        batches=meta.get("batches", ()),
        size=method.draws,
        seed=arguments.seed,
        intervals=vars(arguments.intervals) if arguments.intervals else None,
    )


@contextmanager
def _prior(job: Job[CollectDraws]) -> Iterator[dict[str, xr.DataTree]]:
    """Yield the groups of the prior; none where its draws are not those of the prior."""
    if "prior" not in job.inputs:
        yield {}
    elif json.loads(job.path("prior_checks").read_text())["verdict"] == FAIL:
        job.notes["prior"] = "left out: the checks of its draws failed"
        yield {}
    else:
        with open_draws(job.path("prior"), *PRIOR_GROUPS) as tree:
            yield {name: xr.DataTree(group.to_dataset()) for name, group in tree.children.items()}


def _unassigned(chains: Chains, naming: Naming, columns: Sequence[int]) -> NDArray[np.bool_]:
    """Tell which columns are integers without a value in some draw, which gives them no number."""
    unassigned = np.zeros(len(columns), np.bool_)
    for row, column in enumerate(columns):
        base = Column.parse(chains.columns[column]).variable.split(".", 1)[0]
        if naming.declared[base].type == "int":
            unassigned[row] = without_value(chains.values[:, :, column], "int").any()
    return unassigned


def summarised_columns(
    chains: Chains, naming: Naming, parameters: Sequence[str] | None, blocks: Sequence[str] = GATED
) -> tuple[list[int], list[str]]:
    """Return index and name of each summarised column, in declared order, then in Stan's.

    Without `parameters`, these are the variables of the `blocks`.
    """
    chosen = parameters or [d.name for d in naming.declared.values() if d.block in blocks]
    unknown = [name for name in chosen if name not in naming.declared]
    if unknown:
        raise StepError(
            f"the program declares no {', '.join(unknown)}",
            key="parameters",
            allowed=", ".join(naming.declared),
        )
    by_base: dict[str, list[tuple[int, str]]] = {name: [] for name in chosen}
    for index, header in enumerate(chains.columns):
        column = Column.parse(header)
        by_base.get(column.variable.split(".", 1)[0], []).append((index, column.name))
    summarised = [entry for name in chosen for entry in by_base[name]]
    return [index for index, _ in summarised], [name for _, name in summarised]


def _point(
    chains: Chains, naming: Naming, columns: Sequence[int], names: Sequence[str], modes: Modes
) -> tuple[list[str], Numbers]:
    """Return names, values and standard errors of a point, without generated quantities."""
    shown = [
        (index, name)
        for index, name in zip(columns, names, strict=True)
        if naming.declared[variable_of(name)].block in GATED
    ]
    indices = [index for index, _ in shown]
    errors = modes.errors_of([chains.columns[index] for index in indices])
    numbers = {ESTIMATE: chains.values[0, 0, indices], ERROR: errors}
    return [name for _, name in shown], numbers


def write_summary(tree: xr.DataTree, names: Sequence[str], numbers: Numbers, path: Path) -> None:
    """Write a row a scalar, unrounded: Stan's name, its label by the tree's coordinates, numbers.

    A number that does not exist is an empty field.
    """
    labels = labels_by_name(tree, {variable_of(name) for name in names})
    shown = [labels.get(name, name) for name in names]
    table = pd.DataFrame({"variable": names, "label": shown, **numbers})
    table.to_csv(path, index=False, lineterminator="\n")

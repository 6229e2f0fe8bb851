"""Draws of a conjugate model, as those of one chain, and what is known of it without draws."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.draws.columns import flat_columns
from stanchion.draws.files import read_fit_attributes
from stanchion.draws.stan_csv import Chains
from stanchion.stats.conjugate import families
from stanchion.stats.conjugate.families import FAMILIES, Family
from stanchion.stats.conjugate.marginal import Marginal
from stanchion.stats.conjugate.posterior import Likelihood, Posterior
from stanchion.stats.summary import SAMPLING, Numbers
from stanchion.system.strict_json import number

EVIDENCE, EXACT = "log_evidence", "exact"
"""Attributes of the posterior: its marginal likelihood, and the rest of what is known as JSON."""
_MOST_TERMS = 2**20
"""Of a log likelihood, at a time."""
_UPDATED = ("mean", "sd", "q5", "q95")


@dataclass(frozen=True)
class Exact:
    """An exact posterior: independent draws of it, its marginals by Stan's names of scalars.

    `updates` are, where rows came in batches, the numbers after each of them.
    """

    chains: Chains
    marginals: Mapping[str, Marginal]
    log_evidence: float
    updates: Sequence[Mapping[str, Any]]
    intervals: Mapping[str, Any] | None

    @property
    def attributes(self) -> dict[str, Any]:
        """What the group of the posterior says of itself."""
        content = {"notes": list(self._notes()), "updates": list(self.updates)}
        return {EVIDENCE: self.log_evidence, EXACT: json.dumps(content, allow_nan=False)}

    def numbers(self, names: Sequence[str], estimates: Numbers) -> Numbers:
        """Return the summary's numbers, exact where a scalar's distribution is known.

        Those have no Monte Carlo error, and the columns of it are empty.
        """
        numbers = {name: np.array(values, np.float64) for name, values in estimates.items()}
        for row, name in enumerate(names):
            if name in self.marginals:
                exact = self.marginals[name].summary(self.intervals)
                for column in (*exact, *SAMPLING):
                    numbers[column][row] = exact.get(column, np.nan)
        return numbers

    def _notes(self) -> Iterator[str]:
        """Yield which moments the posterior does not have, and which numbers no double holds."""
        without: dict[str, list[str]] = {}
        for name, marginal in self.marginals.items():
            for column, value in marginal.summary(self.intervals).items():
                if isnan(value):
                    without.setdefault(column, []).append(name)
        if not isfinite(self.log_evidence):
            yield "the log marginal likelihood is beyond what a number can hold, and left out"
        for column, names in without.items():
            yield f"the posterior has no finite {column}, which is left empty: {', '.join(names)}"


@dataclass(frozen=True)
class Known:
    """What a file of draws says of its posterior without draws; nothing where they are chains'."""

    log_evidence: float | None = None
    notes: Sequence[str] = ()
    updates: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of(cls, draws: Path) -> Known:
        """Read the attributes of the posterior."""
        attributes = read_fit_attributes(draws)
        if EXACT not in attributes:
            return cls()
        content = json.loads(attributes[EXACT])
        return cls(float(attributes[EVIDENCE]), content["notes"], content["updates"])

    def as_json(self) -> dict[str, Any]:
        """Return what diagnostics.json says of it."""
        if self.log_evidence is None:
            return {}
        updates = {"updates": list(self.updates)} if self.updates else {}
        return {EVIDENCE: number(self.log_evidence), **updates}


def exact_draws(
    name: str,
    prior: Mapping[str, Any],
    data: Mapping[str, Any],
    wanted: Collection[str],
    *,
    batches: Sequence[Mapping[str, Any]] = (),
    size: int,
    seed: int,
    intervals: Mapping[str, Any] | None = None,
) -> Exact:
    """Return the posterior of a family, with the generated quantities that are wanted of it.

    Replications and predictions have random numbers of their own, so that to declare them moves no
    draw.

    Raises:
        StepError: the posterior cannot be computed from these data.
    """
    with families.within_numbers(name):
        return _exact(name, prior, data, wanted, batches, size, seed, intervals)


def _exact(
    name: str,
    prior: Mapping[str, Any],
    data: Mapping[str, Any],
    wanted: Collection[str],
    batches: Sequence[Mapping[str, Any]],
    size: int,
    seed: int,
    intervals: Mapping[str, Any] | None,
) -> Exact:
    family = FAMILIES[name]
    posterior = family.posterior(families.rows_of(family, data), prior)
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3)]
    draws = posterior.draw(size, streams[0])
    lp = posterior.log_density(draws) + posterior.log_evidence
    quantities = {**draws} | dict(_generated(family, posterior, data, draws, wanted, streams[1:]))
    drawn = {name: values[None] for name, values in {"lp__": lp, **quantities}.items()}
    columns, values = flat_columns(drawn, (1, size))
    return Exact(
        Chains(columns, values, max_treedepth=None),
        posterior.marginals(),
        posterior.log_evidence,
        [*_updates(family, prior, data, batches)],
        intervals,
    )


def _generated(
    family: Family,
    posterior: Posterior,
    data: Mapping[str, Any],
    draws: Mapping[str, NDArray[np.float64]],
    wanted: Collection[str],
    streams: Sequence[np.random.Generator],
) -> Iterator[tuple[str, NDArray[Any]]]:
    likelihood = family.likelihood(families.rows_of(family, data))
    if families.LOG_PRIOR in wanted:
        yield families.LOG_PRIOR, posterior.log_prior(draws)
    if families.LOG_LIK in wanted:
        yield families.LOG_LIK, _log_likelihood(likelihood, data, draws)
    if families.REPLICATED in wanted:
        yield families.REPLICATED, likelihood.outcomes(draws, streams[0])
    if families.PREDICTED in wanted:
        new = family.likelihood(families.new_rows_of(family, data))
        yield families.PREDICTED, new.outcomes(draws, streams[1])


def _log_likelihood(
    likelihood: Likelihood, data: Mapping[str, Any], draws: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return `draw × row`, some draws at a time: the terms of a density take several times that."""
    size = len(next(iter(draws.values())))
    step = max(1, _MOST_TERMS // (data["N"] * data.get("K", 1)))
    parts = [
        likelihood.log_density({name: values[k : k + step] for name, values in draws.items()})
        for k in range(0, size, step)
    ]
    return np.concatenate(parts)


def _updates(
    family: Family,
    prior: Mapping[str, Any],
    data: Mapping[str, Any],
    batches: Sequence[Mapping[str, Any]],
) -> Iterator[dict[str, Any]]:
    """Yield the posterior's numbers after the rows of each batch and of all before it."""
    rows = 0
    for batch in batches:
        rows += batch["rows"]
        posterior = family.posterior(families.rows_of(family, data, first=rows), prior)
        summaries = {name: m.summary() for name, m in posterior.marginals().items()}
        yield {
            **batch,
            EVIDENCE: number(posterior.log_evidence),
            "parameters": {
                name: {column: number(numbers[column]) for column in _UPDATED}
                for name, numbers in summaries.items()
            },
        }

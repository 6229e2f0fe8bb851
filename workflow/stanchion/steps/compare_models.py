"""draws.nc of an analysis' fits → comparison.csv and comparison.json: PSIS-LOO, and its verdict.

Where several models are conjugate, their marginal likelihoods stand beside each other too.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.checks.catalogue import CHECKS
from stanchion.checks.gate import Check, check_comparison, verdict
from stanchion.checks.numbers import ComparisonNumbers
from stanchion.checks.outcomes import Outcomes, differences
from stanchion.checks.verdicts import FAIL
from stanchion.draws.exact import EVIDENCE
from stanchion.draws.files import Proposal, is_point, read_group, read_proposal
from stanchion.plan.arguments import CompareModels, FitArguments
from stanchion.plan.job import Job
from stanchion.report.reading import Scalar
from stanchion.stats.comparison import Compared, compare, conclusion
from stanchion.stats.psis import Loo, loo
from stanchion.system.strict_json import write_json

Floats = NDArray[np.float64]
COLUMNS = ("dataset", "model", "method", *(field.name for field in fields(Compared)))
_DATA = ("observed_data", "constant_data")


class _LeftOutError(Exception):
    """Why a fit cannot be compared."""


@dataclass(frozen=True)
class Candidate:
    """A fit that can be compared, and the data it is of."""

    model: str
    method: str
    sampled: bool
    loo: Loo
    outcomes: Outcomes
    log_evidence: float | None
    """The log marginal likelihood of an exact posterior."""

    @property
    def name(self) -> str:
        """The fit's folder within its dataset's."""
        return f"{self.model}/{self.method}"


@dataclass(frozen=True)
class Comparison:
    """The fits of one dataset, compared as far as they can be, and what is wrong with that."""

    dataset: str
    candidates: Sequence[Candidate]
    rows: Sequence[Compared]
    checks: Sequence[Check]
    left_out: Sequence[Mapping[str, str]]

    @property
    def ranked(self) -> list[tuple[Candidate, Compared]]:
        """The fits with their rows: the models best first, a model's other fits below its own."""
        both = list(zip(self.candidates, self.rows, strict=True))
        elpd = {fit.model: row.elpd for fit, row in reversed(both)}
        return sorted(both, key=lambda pair: -elpd[pair[0].model])

    def table(self) -> Iterator[tuple[Any, ...]]:
        """Yield a row a fit."""
        for fit, row in self.ranked:
            yield (self.dataset, fit.model, fit.method, *map(_shown, astuple(row)))

    def as_json(self) -> dict[str, Any]:
        """Return what comparison.json says of it."""
        observations = len(self.candidates[0].loo.elpd) if self.candidates else 0
        sound = not any(row.khat_bad for row in self.rows)
        models = {fit.model: row for fit, row in reversed(self.ranked)}
        return {
            "dataset": self.dataset,
            "verdict": verdict(self.checks),
            "observations": observations,
            "checks": [check.as_json() for check in self.checks],
            "conclusions": [
                {"model": model, "says": conclusion(row, observations, sound=sound)}
                for model, row in list(reversed(models.items()))[1:]
            ],
            "evidence": self.evidence(),
            "left_out": list(self.left_out),
        }

    def evidence(self) -> list[dict[str, Any]]:
        """Return the log marginal likelihoods, best first, each less that of the best.

        There are none where fewer than two models have one.
        """
        known: dict[str, float] = {}
        for fit in self.candidates:
            if fit.log_evidence is not None:
                known.setdefault(fit.model, fit.log_evidence)
        ordered = sorted(known.items(), key=lambda pair: -pair[1]) if len(known) > 1 else []
        return [
            {"model": model, "log_evidence": value, "log_bayes_factor": value - ordered[0][1]}
            for model, value in ordered
        ]


def run(job: Job[CompareModels]) -> None:
    """Compare the fits of each dataset by PSIS-LOO, judge the comparison, and say what is left out.

    It always succeeds: what cannot be compared fails in its verdict, and the report goes on.
    """
    arguments = job.arguments
    entries = list(zip(arguments.fits, job.paths("draws"), job.paths("diagnostics"), strict=True))
    comparisons = [
        _comparison(dataset, list(group), arguments.observed)
        for dataset, group in groupby(entries, key=lambda entry: entry[0].dataset)
    ]
    with job.outputs["comparison"].open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for comparison in comparisons:
            writer.writerows(comparison.table())
    content = {
        "schema": "stanchion/comparison/1",
        "verdict": verdict([check for comparison in comparisons for check in comparison.checks]),
        "datasets": [comparison.as_json() for comparison in comparisons],
    }
    write_json(content, job.outputs["judgement"])


def _comparison(
    dataset: str, entries: Sequence[tuple[FitArguments, Path, Path]], observed: str | None
) -> Comparison:
    candidates: list[Candidate] = []
    left_out: list[dict[str, str]] = []
    for fit, draws, diagnostics in entries:
        try:
            candidates.append(_candidate(fit, draws, json.loads(diagnostics.read_text())))
        except _LeftOutError as error:
            out = {"model": fit.model, "method": fit.method, "because": str(error)}
            left_out.append(out)
    candidates.sort(key=lambda fit: not fit.sampled)
    declared = list(dict.fromkeys(fit.model for fit, _, _ in entries))
    unlike = list(_unlike(candidates, observed))
    compared = [] if unlike else candidates
    rows = compare([fit.loo for fit in compared], _weighed(compared)) if compared else []
    numbers = ComparisonNumbers(
        unlike=unlike,
        declared=declared,
        compared=list(dict.fromkeys(fit.model for fit in candidates)),
        left_out={out["model"]: out["because"] for out in reversed(left_out)},
        khat={fit.name: (int(fit.loo.bad.sum()), len(fit.loo.elpd)) for fit in compared},
    )
    checks = check_comparison(numbers)
    return Comparison(dataset, compared, rows, checks, left_out)


def _candidate(fit: FitArguments, draws: Path, diagnostics: Mapping[str, Any]) -> Candidate:
    if diagnostics["verdict"] == FAIL:
        failed = [check for check in diagnostics["checks"] if check["verdict"] == FAIL]
        labels = diagnostics.get("labels", {})
        reasons = [
            CHECKS[check["check"]].words
            + "".join(f" ({Scalar.of(w, labels).label})" for w in check["where"][:1])
            for check in failed
        ]
        raise _LeftOutError(f"its fit failed its checks: {', '.join(reasons)}")
    if is_point(draws):
        raise _LeftOutError(f"{fit.method} gives a point")
    raw = read_proposal(draws)
    data = {name: values for group in _DATA for name, values in read_group(draws, group).items()}
    return Candidate(
        model=fit.model,
        method=fit.method,
        sampled=raw is None,
        loo=_sampled_loo(draws) if raw is None else _approximate_loo(raw),
        outcomes=Outcomes.of(data),
        log_evidence=diagnostics.get(EVIDENCE),
    )


def _sampled_loo(draws: Path) -> Loo:
    return loo(_likelihood(draws))


def _approximate_loo(raw: Proposal) -> Loo:
    """Return the LOO of an approximation's draws as they came: it weighs them itself."""
    return loo(_finite(raw.log_likelihood), raw.log_p - raw.log_q)


def _likelihood(draws: Path) -> Floats:
    likelihood = list(read_group(draws, "log_likelihood").values())
    return _finite(likelihood[0] if likelihood else None)


def _finite(likelihood: Floats | None) -> Floats:
    """Return a log likelihood, `chain × draw × observation`, in which every value is a number."""
    if likelihood is None:
        raise _LeftOutError(
            "there is no log_lik among its draws: add `vector[N] log_lik`, the log density of each "
            "observation, to the generated quantities"
        )
    values = likelihood.reshape(*likelihood.shape[:2], -1)
    bad = np.flatnonzero(~np.isfinite(values).all(axis=(0, 1)))
    if len(bad) or not values.shape[2]:
        raise _LeftOutError(
            f"log_lik is not finite at {len(bad)} of {values.shape[2]} observations "
            f"(the first is number {bad[0] + 1}): the model gives them no probability"
            if len(bad)
            else "log_lik has no observations"
        )
    return values


def _unlike(candidates: Sequence[Candidate], observed: str | None) -> Iterator[str]:
    """Say where the fits are not of the same observations as the first."""
    for other in candidates[1:]:
        first = candidates[0]
        names = f"{first.name} and {other.name}"
        sizes = len(first.loo.elpd), len(other.loo.elpd)
        if sizes[0] != sizes[1]:
            yield f"{names}: log_lik is of {sizes[0]} observations and of {sizes[1]}"
        for difference in differences(first.outcomes, other.outcomes, observed):
            yield f"{names}: {difference}"


def _weighed(candidates: Sequence[Candidate]) -> list[int]:
    """Return the index of the fit that stands for each model: its first, sampled where any is."""
    first: dict[str, int] = {}
    for index, fit in enumerate(candidates):
        first.setdefault(fit.model, index)
    return list(first.values())


def _shown(value: float | int) -> str:
    return "" if value != value else repr(value)

"""draws.nc → diagnostics.json and pictures: the verdict of a fit. It always succeeds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.checks import gate
from stanchion.checks.agreement import Agreement, Reference, agreement
from stanchion.checks.catalogue import ATTEMPTS, NESTED
from stanchion.checks.gate import Check
from stanchion.checks.numbers import FitNumbers, Generated, Sampler, Source
from stanchion.checks.scan import Findings, scan
from stanchion.checks.verdicts import PASS, WARN
from stanchion.draws.attempts import ATTRIBUTE, Attempts
from stanchion.draws.exact import Known
from stanchion.draws.files import (
    Scalars,
    gated,
    generated,
    labels_by_name,
    open_fit,
    read_fit_attributes,
    read_gated,
    read_messages,
    read_prior,
    read_proposal,
)
from stanchion.draws.modes import read_modes
from stanchion.draws.naming import variable_of
from stanchion.draws.weighting import RESAMPLED, WEIGHTING
from stanchion.methods.catalogue import method_of
from stanchion.methods.method import Method
from stanchion.pictures.catalogue import draw
from stanchion.pictures.chains import Chains
from stanchion.pictures.densities import shown_densities
from stanchion.plan.arguments import DiagnoseFit
from stanchion.plan.job import Job
from stanchion.sampling.external import ATTRIBUTE as LEFT_OUT
from stanchion.stats.importance import importance
from stanchion.stats.nested import nested_rhat
from stanchion.system.strict_json import write_json


def run(job: Job[DiagnoseFit]) -> None:
    """Check a fit, waive what is waived, and write the verdict."""
    arguments = job.arguments
    attempts, known = _attempts(job.path("draws")), Known.of(job.path("draws"))
    method, checks = _judged_by(arguments, attempts)
    with open_fit(job.path("draws")) as tree:
        scalars = gated(tree)
        stats = {str(name): stat.values for name, stat in tree["sample_stats"].data_vars.items()}
        shares = [(quantity.names, quantity.not_finite) for quantity in generated(tree)]
    findings = scan(scalars.values, scalars.variables)
    if method.is_point:  # a value of one draw is constant, whatever it is
        findings = replace(findings, unsound=~np.isfinite(scalars.values).all((0, 1)))
    uses = _uses(arguments.uses, method, [names for names, _ in shares])
    generated_quantities = Generated(shares, uses, read_messages(job.path("draws")))
    sampler = Sampler.of(stats, is_external=method.is_external)
    numbers = replace(
        _numbers(job, scalars, findings, sampler, generated_quantities),
        attempts=attempts,
        nested_rhat=_nested(scalars, attempts) if attempts and NESTED in checks else None,
        source=_source(job) if "source" in checks else None,
        agreement=None if "source" in checks else _against_sampler(job, scalars),
    )
    measured = gate.check_fit(checks, numbers, arguments.checks)
    results = gate.waive(measured, [vars(waiver) for waiver in arguments.waivers])
    content = {
        "schema": "stanchion/diagnostics/1",
        "verdict": gate.verdict(results),
        "method": arguments.method,
        "checks": [check.as_json() for check in results],
        **_labels(job.path("draws"), results, known),
        "notes": [*_notes(method, scalars, findings), *known.notes, *_left_out(job.path("draws"))],
        **_weighting(job.path("draws")),
        **known.as_json(),
        **({} if attempts is None else {ATTRIBUTE: json.loads(attempts.as_json())}),
    }
    write_json(content, job.outputs["diagnostics"])
    is_chains = method.is_markov or (method.is_external and "rhat" in checks)
    no_chains = "" if is_chains else f"the draws of {method.__name__} are no chain's"
    chains = replace(_chains(job, scalars, findings, sampler), no_chains=no_chains)
    for name, picture in draw("diagnose_fit", chains, job.outputs).items():
        job.outputs[name].write_bytes(picture)


def _chains(
    job: Job[DiagnoseFit],
    scalars: Scalars,
    findings: Findings,
    sampler: Sampler,
) -> Chains:
    """Return what the pictures show: the declared parameters that vary, with the prior's draws."""
    shown = _shown(scalars.names, job.arguments.parameters)
    chains = Chains(
        scalars.labels,
        scalars.values,
        findings.rhat,
        varying=[index for index in shown if _varies(findings, index)],
        variables=[variable_of(name) for name in scalars.names],
        sampled=np.flatnonzero(findings.sampled).tolist(),
        diverging=sampler.diverging,
        energy=sampler.energy,
    )
    names = {scalars.names[index]: index for index in shown_densities(chains)}
    prior = read_prior(job.path("draws"), names)
    return replace(chains, prior={names[name]: values for name, values in prior.items()})


def _source(job: Job[DiagnoseFit]) -> Source:
    """Return what is known of the fit whose draws these are."""
    (method,), (path,) = job.arguments.references, job.paths("reference_diagnostics")
    diagnostics = json.loads(path.read_text())
    verdict = diagnostics["verdict"]
    grave = [check["check"] for check in diagnostics["checks"] if check["verdict"] == verdict]
    return Source(method, verdict, [] if verdict == PASS else grave)


def _labels(draws: Path, checks: Sequence[Check], known: Known) -> dict[str, Any]:
    """Return the labels of the scalars that are named, where they are not their names."""
    named = {text.partition(": ")[0] for check in checks for text in check.where}
    named |= {name for update in known.updates for name in update["parameters"]}
    with open_fit(draws) as tree:
        labels = labels_by_name(tree, {variable_of(name) for name in named})
    differing = {n: labels[n] for n in sorted(named) if labels.get(n, n) != n}
    return {"labels": differing} if differing else {}


def _notes(method: type[Method], scalars: Scalars, findings: Findings) -> list[str]:
    """Return what no check judges; a point is constant, which is not worth a note."""
    if method.is_point:
        return []
    return gate.notes(scalars.names, findings, unused=method.unused)


def _left_out(draws: Path) -> list[str]:
    """Return what draws of another program lack, and what more was in their file."""
    return read_fit_attributes(draws).get(LEFT_OUT, "").splitlines()


def _uses(
    used: Sequence[str], method: type[Method], names: Sequence[Sequence[str]]
) -> Sequence[str]:
    """Return the quantities that are to have a value; another program need not have made all."""
    if not method.is_external:
        return used
    made = {variable_of(scalars[0]) for scalars in names if scalars}
    return [name for name in used if name in made]


def _attempts(draws: Path) -> Attempts | None:
    text = read_fit_attributes(draws).get(ATTRIBUTE)
    return None if text is None else Attempts.read(text)


def _judged_by(
    arguments: DiagnoseFit, attempts: Attempts | None
) -> tuple[type[Method], tuple[str, ...]]:
    """Return the method whose draws they are, and the names of its checks."""
    if attempts is None:
        method = method_of(arguments.method, arguments.method_version)
        return method, method.checks
    method = method_of(attempts.method, attempts.method_version)
    return method, (*method.model_validate(attempts.settings).judged_by, ATTEMPTS)


def _nested(scalars: Scalars, attempts: Attempts) -> NDArray[np.float64]:
    return nested_rhat(scalars.values, attempts.settings["superchains"])


def _numbers(
    job: Job[DiagnoseFit],
    scalars: Scalars,
    findings: Findings,
    sampler: Sampler,
    generated: Generated,
) -> FitNumbers:
    path = job.path("draws")
    raw = read_proposal(path)
    return FitNumbers(
        scalars.names,
        findings,
        chains=scalars.values.shape[0],
        sampler=sampler,
        generated=generated,
        khat=nan if raw is None else importance(raw.log_p, raw.log_q).khat,
        resampled=_weighting(path).get("weighting") == RESAMPLED,
        paths=None if raw is None else raw.paths,
        modes=read_modes(path),
    )


def _against_sampler(job: Job[DiagnoseFit], scalars: Scalars) -> Agreement | None:
    """Compare with the first declared fit by a sampler that passes, else that warns."""
    names = job.arguments.references
    if not names:
        return None
    verdicts = [
        json.loads(path.read_text())["verdict"] for path in job.paths("reference_diagnostics")
    ]
    for verdict in (PASS, WARN):
        if verdict in verdicts:
            index = verdicts.index(verdict)
            sampled = read_gated(job.paths("references")[index])
            columns = _columns_of(scalars.names, sampled.names)
            reference = Reference.of(names[index], sampled.values[:, :, columns])
            return agreement(scalars.names[1:], _without_density(scalars), reference)
    return Agreement(because=f"not computed, because {' and '.join(names)} did not pass its checks")


def _columns_of(names: Sequence[str], sampled: Sequence[str]) -> list[int]:
    """Return where a sampled fit has the scalars of another, which may be fewer of its program."""
    column = {name: index for index, name in enumerate(sampled)}
    return [column[name] for name in names[1:]]


def _without_density(scalars: Scalars) -> NDArray[np.float64]:
    return scalars.values[:, :, 1:]


def _weighting(draws: Path) -> dict[str, str]:
    attributes = read_fit_attributes(draws)
    return {name: attributes[name] for name in WEIGHTING if name in attributes}


def _shown(names: Sequence[str], parameters: Sequence[str] | None) -> list[int]:
    return [
        index
        for index, name in enumerate(names)
        if parameters is None or variable_of(name) in parameters
    ]


def _varies(findings: Findings, index: int) -> bool:
    return not (findings.constant[index] or findings.unsound[index] or findings.unfilled[index])

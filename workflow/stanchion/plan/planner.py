"""config + canonical programs + data hashes + toolchain identity → fits and steps, with keys. Pure.

A step's key is made of its version, its resolved arguments, the content it reads and the keys of
the steps it follows; paths, names of people and the like are told to the step but enter no key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel

from stanchion.config import (
    Advi,
    Analysis,
    Nuts,
    Project,
    resolved_checks,
    resolved_compiling,
    resolved_method,
)
from stanchion.plan.catalogue import STEPS
from stanchion.plan.data import dataset_content, dataset_names, mapping_of, source_of
from stanchion.plan.keys import key_of, seed_of, text_hash
from stanchion.plan.model import Facts, Fit, Plan, Step, identity
from stanchion.plan.reporting import report_step
from stanchion.plan.verdicts import comparison_step, verdicts_step
from stanchion.stan.program import Program
from stanchion.stan.sources import FUNCTIONS

Method = Nuts | Advi
PRIOR_CHAINS = 4
_STEM = 40
"""Characters of a program's name that the folder of its executable shows."""
_UNKEYED_METHOD = ("chains", "threads_per_chain", "on_fail", "seed", "method", "resample")


def make_plan(project: Project, facts: Facts) -> Plan:
    """Return the plan of a declaration."""
    planner = Planner(project, facts)
    for name in project.analyses:
        planner.plan_analysis(name)
    return Plan(project, facts, tuple(planner.fits), planner.steps)


@dataclass
class Planner:
    """Makes each step once, whoever asks for it first."""

    project: Project
    facts: Facts
    fits: list[Fit] = field(default_factory=list)
    programs: dict[str, str] = field(default_factory=dict)
    steps: dict[tuple[str, ...], Step] = field(default_factory=dict)

    def add(
        self,
        rule: str,
        wildcards: Mapping[str, str],
        *,
        arguments: Mapping[str, Any],
        inputs: Mapping[str, str | list[str]],
        content: Mapping[str, Any] | None = None,
        upstream: Sequence[Step] = (),
        unkeyed: Mapping[str, Any] | None = None,
        threads: int = 1,
        drop: Sequence[str] = (),
    ) -> Step:
        made_of = {
            "step": rule,
            "version": STEPS[rule].version,
            "arguments": dict(arguments),
            "content": dict(content or {}),
            "upstream": [step.key for step in upstream],
        }
        step = Step(
            rule=rule,
            wildcards=dict(wildcards),
            key=key_of(made_of),
            made_of={name: made_of[name] for name in made_of if name != "arguments"},
            arguments=dict(arguments),
            unkeyed=dict(unkeyed or {}),
            inputs=dict(inputs),
            expected=dict(self.expected(inputs, upstream)),
            upstream=tuple(upstream),
            threads=threads,
            drop=tuple(drop),
        )
        return self.steps.setdefault(identity(rule, wildcards), step)

    def expected(
        self, inputs: Mapping[str, str | list[str]], upstream: Sequence[Step]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield path and what it must be of each input."""
        made = {
            path: {"step": step.rule, "key": step.key, "key_file": step.key_file, "output": name}
            for step in upstream
            for name, path in step.outputs.items()
        }
        models = self.project.models
        programs = {models[name].program: found for name, found in self.facts.programs.items()}
        for found in inputs.values():
            for path in found if isinstance(found, list) else [found]:
                if path in made:
                    yield path, made[path]
                elif path in programs:
                    yield path, _expected_program(programs[path])
                else:
                    yield path, {"sha256": self.facts.files[path]}

    def plan_analysis(self, name: str) -> None:
        analysis = self.project.analyses[name]
        fits: list[Fit] = []
        for dataset in analysis.datasets:
            for model in analysis.models:
                if analysis.prior_predictive is not None:
                    self.prior(name, dataset, model)
                own = [Fit(name, dataset, model, method) for method in analysis.methods]
                for fit in sorted(own, key=lambda fit: not self.sampled(fit)):
                    self.fit(fit)
                fits += own
        self.fits += fits
        if analysis.compare is not None:
            comparison_step(self, name, fits)
        verdicts_step(self, name, fits, report_step(self, name, fits))

    def sampled(self, fit: Fit) -> bool:
        """Whether a fit is by NUTS, to which approximations of the same posterior are held."""
        return isinstance(self.project.analyses[fit.analysis].methods[fit.method], Nuts)

    def compiled(self, model: str) -> Step:
        declared, program = self.project.models[model], self.facts.programs[model]
        options = resolved_compiling(self.project, model)
        options["threads"] = options["threads"] or self._threaded(model)
        content: dict[str, Any] = {
            "program": text_hash(program.canonical),
            "compiler": dict(self.facts.compilers[model]),
        }
        cpu = {"cpu": content["compiler"]["cpu"]} if options["native"] else {}
        made_of = {"arguments": options, "content": content, "name": "compile_program"}
        short = key_of(made_of)[:12]
        stem = re.sub(r"[^A-Za-z0-9_.-]", "_", PurePosixPath(declared.program).stem)[:_STEM]
        folder = self.programs.setdefault(short, f"{stem}-{short}")
        return self.add(
            "compile_program",
            {"program": folder},
            arguments=options,
            content=content,
            unkeyed={"program": declared.program, **cpu},
            inputs={"program": declared.program},
        )

    def _threaded(self, model: str) -> bool:
        return any(
            isinstance(method, Nuts) and method.threads_per_chain > 1
            for analysis in self.project.analyses.values()
            if model in analysis.models
            for method in analysis.methods.values()
        )

    def data(self, analysis: str, dataset: str, model: str) -> Step:
        declared = self.project.analyses[analysis]
        program = self.facts.programs[model]
        mapping = mapping_of(self.project, dataset, model)
        predict = declared.predict
        names = dataset_names(self.project, dataset, mapping, predict)
        predicted = predict.model_dump(mode="json") if predict is not None else None
        return self.add(
            "prepare_data",
            {"analysis": analysis, "dataset": dataset, "model": model},
            arguments={
                "declared": {n: dataset_content(self.project.datasets[n]) for n in names},
                "mapping": mapping,
                "variables": [vars(v) | {"sizes": list(v.sizes)} for v in program.data],
                "predict": predicted,
            },
            content={n: self.facts.files[source_of(self.project.datasets[n])] for n in names},
            unkeyed={"dataset": dataset, "program": self.project.models[model].program},
            inputs={n: source_of(self.project.datasets[n]) for n in names},
        )

    def seed(self, fit: Fit, method: Method) -> int:
        if method.seed is not None:
            return method.seed
        return seed_of(self.project.seed, fit.dataset, fit.model, fit.method)

    def naming(self, analysis: Analysis, model: str) -> dict[str, Any]:
        """What decides which variable goes to which group of a result."""
        checked, predict = analysis.posterior_predictive, analysis.predict
        return {
            "parameters": self.project.models[model].parameters,
            "variables": self.facts.programs[model].variables(),
            "observed": checked.observed if checked else None,
            "replicated": checked.replicated if checked else None,
            "predicted": predict.variable if predict else None,
        }

    def prior(self, name: str, dataset: str, model: str) -> Step:
        analysis = self.project.analyses[name]
        assert analysis.prior_predictive is not None
        data, program = self.data(name, dataset, model), self.compiled(model)
        sampler = Nuts(
            chains=PRIOR_CHAINS, draws=-(-analysis.prior_predictive.draws // PRIOR_CHAINS)
        )
        return self.add(
            "sample_prior",
            {"analysis": name, "dataset": dataset, "model": model},
            arguments={
                "sampler": resolved_method(sampler),
                "seed": seed_of(self.project.seed, dataset, model, "prior"),
                "draws": analysis.prior_predictive.draws,
                **self.naming(analysis, model),
            },
            inputs={
                "data": data.outputs["data"],
                "meta": data.outputs["meta"],
                "executable": program.outputs["executable"],
            },
            upstream=[data, program],
        )

    def fit(self, fit: Fit) -> None:
        """Plan a fit; its last step drops the chains, so that the steps before it can be repeated.

        On a cluster these steps are one job, and a job that is lost midway starts from the chains.
        """
        analysis = self.project.analyses[fit.analysis]
        chains = self.chains(fit, analysis.methods[fit.method])
        draws = self.collected(fit, analysis, chains)
        drop = [] if "csv" in analysis.keep else [step.outputs["chain"] for step in chains]
        predicts = analysis.posterior_predictive is not None or analysis.predict is not None
        diagnosed = self.diagnosed(fit, analysis, draws, [] if predicts else drop)
        if predicts:
            self.predicted(fit, analysis, draws, diagnosed, drop)

    def chains(self, fit: Fit, method: Method) -> list[Step]:
        data = self.data(fit.analysis, fit.dataset, fit.model)
        program = self.compiled(fit.model)
        resolved = resolved_method(method)
        settings = {n: v for n, v in resolved.items() if n not in _UNKEYED_METHOD}
        content: dict[str, Any] = {}
        inputs: dict[str, str | list[str]] = {
            "data": data.outputs["data"],
            "executable": program.outputs["executable"],
        }
        if isinstance(method.init, str):
            settings["init"] = None
            content["init"] = self.facts.files[method.init]
            inputs["init"] = method.init
        nuts = isinstance(method, Nuts)
        threads = method.threads_per_chain if isinstance(method, Nuts) else 1
        return [
            self.add(
                "sample_chain" if nuts else "approximate_posterior",
                {**fit.wildcards, "chain": str(chain)},
                arguments={**settings, "seed": self.seed(fit, method), "chain": chain},
                content=content,
                unkeyed={
                    "threads": threads,
                    "method": method.method,
                    "time_limit": method.time_limit,
                },
                inputs=inputs,
                upstream=[data, program],
                threads=threads,
            )
            for chain in range(1, (method.chains if isinstance(method, Nuts) else 1) + 1)
        ]

    def collected(self, fit: Fit, analysis: Analysis, chains: Sequence[Step]) -> Step:
        data = self.data(fit.analysis, fit.dataset, fit.model)
        files = [step.outputs["chain"] for step in chains]
        method = analysis.methods[fit.method]
        resolved = resolved_method(method)
        return self.add(
            "collect_draws",
            fit.wildcards,
            arguments={
                "method": method.method,
                "sampler": {n: v for n, v in resolved.items() if n not in _UNKEYED_METHOD},
                "intervals": _dump(analysis.intervals),
                **self.naming(analysis, fit.model),
                **self.resampling(fit, method),
            },
            unkeyed={"fit": fit.name},
            inputs={"chains": files, "data": data.outputs["data"], "meta": data.outputs["meta"]},
            upstream=[*chains, data],
        )

    def resampling(self, fit: Fit, method: Method) -> dict[str, Any]:
        """What decides how draws of an approximation become draws of the posterior."""
        if isinstance(method, Nuts):
            return {}
        return {"resample": method.resample, "seed": self.seed(fit, method)}

    def diagnosed(self, fit: Fit, analysis: Analysis, draws: Step, drop: Sequence[str]) -> Step:
        method = analysis.methods[fit.method]
        checks = resolved_checks(analysis, method)
        del checks["on_fail"]
        references = self.references(fit, analysis)
        sampled = [self.known(one, "collect_draws") for one in references]
        judged = [self.known(one, "diagnose_fit") for one in references]
        return self.add(
            "diagnose_fit",
            fit.wildcards,
            arguments={
                "method": method.method,
                "checks": checks,
                "waivers": list(self.facts.waivers.get(fit.name, ())),
                "parameters": self.project.models[fit.model].parameters,
                "uses": _used(analysis),
                "references": [one.method for one in references],
            },
            unkeyed={"fit": fit.name},
            inputs={
                "draws": draws.outputs["draws"],
                "references": [step.outputs["draws"] for step in sampled],
                "reference_diagnostics": [step.outputs["diagnostics"] for step in judged],
            },
            upstream=[draws, *sampled, *judged],
            drop=drop,
        )

    def references(self, fit: Fit, analysis: Analysis) -> list[Fit]:
        """Return the fits by NUTS that an approximation of the same posterior is held to."""
        if self.sampled(fit):
            return []
        others = (replace(fit, method=method) for method in analysis.methods)
        return [other for other in others if self.sampled(other)]

    def predicted(
        self, fit: Fit, analysis: Analysis, draws: Step, diagnosed: Step, drop: Sequence[str]
    ) -> Step:
        return self.add(
            "predict_outcomes",
            fit.wildcards,
            arguments={
                "posterior_predictive": _dump(analysis.posterior_predictive),
                "predict": _dump(analysis.predict),
                "intervals": _dump(analysis.intervals),
                "on_fail": self.on_fail(fit),
                "seed": self.seed(fit, analysis.methods[fit.method]),
            },
            unkeyed={"fit": fit.name},
            inputs={
                "draws": draws.outputs["draws"],
                "diagnostics": diagnosed.outputs["diagnostics"],
            },
            upstream=[draws, diagnosed],
            drop=drop,
        )

    def on_fail(self, fit: Fit) -> str:
        analysis = self.project.analyses[fit.analysis]
        return str(resolved_checks(analysis, analysis.methods[fit.method])["on_fail"])

    def known(self, fit: Fit, rule: str) -> Step:
        return self.steps[identity(rule, fit.wildcards)]

    def described(self, fit: Fit) -> dict[str, Any]:
        return {
            "dataset": fit.dataset,
            "model": fit.model,
            "method": fit.method,
            "on_fail": self.on_fail(fit),
        }


def _used(analysis: Analysis) -> list[str]:
    """Return the generated quantities that something declared is computed from."""
    checked, predict = analysis.posterior_predictive, analysis.predict
    used = {"log_lik"} if analysis.compare is not None else set()
    used |= {checked.replicated} if checked is not None else set()
    return sorted(used | ({predict.variable} if predict is not None else set()))


def _expected_program(program: Program) -> dict[str, Any]:
    return {
        "program": text_hash(program.canonical),
        "files": dict(program.files),
        "include_dirs": [FUNCTIONS],
    }


def _dump(section: BaseModel | None) -> dict[str, Any] | None:
    return section.model_dump(mode="json") if section is not None else None

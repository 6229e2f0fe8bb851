"""The planner: adds steps, each with its key and with what its inputs must be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from stanchion.config import Project
from stanchion.methods.method import Method
from stanchion.plan.argument_json import as_json
from stanchion.plan.arguments import Arguments
from stanchion.plan.catalogue import STEPS
from stanchion.plan.keys import key_of
from stanchion.plan.model import Facts, Fit, Step, identity
from stanchion.stan.program import Program
from stanchion.stan.sources import FUNCTIONS
from stanchion.system.durations import seconds_of
from stanchion.system.hashes import text_hash

_AROUND_A_SCRIPT = 5
"""Minutes for what a step does before and after a person's own script."""


@dataclass
class Planner:
    """The steps planned so far; each is made once, whoever asks for it first."""

    project: Project
    facts: Facts
    steps: dict[tuple[str, ...], Step] = field(default_factory=dict)
    compilations: dict[tuple[str, str], Step] = field(default_factory=dict)
    """The step that compiles a program with a model's options, by model and path."""
    program_folders: dict[str, str] = field(default_factory=dict)
    """The folder of a compiled program, by what it is compiled of."""

    def add(
        self,
        rule: str,
        wildcards: Mapping[str, str],
        *,
        arguments: Arguments,
        inputs: Mapping[str, str | list[str]],
        content: Mapping[str, Any] | None = None,
        upstream: Sequence[Step] = (),
        method: Method | None = None,
        at_once: int = 1,
        drop: Sequence[str] = (),
    ) -> Step:
        """Add a step and return it; where it stands already, return that one.

        Where it runs a `method`, that says what it reserves, so many jobs `at_once`; else its row
        of the catalogue.
        """
        keyed, unkeyed = as_json(arguments)
        made_of = {
            "step": rule,
            "version": STEPS[rule].version,
            "arguments": keyed,
            "content": dict(content or {}),
            "upstream": [step.key for step in upstream],
        }
        step = Step(
            rule=rule,
            wildcards=dict(wildcards),
            key=key_of(made_of),
            made_of={name: made_of[name] for name in made_of if name != "arguments"},
            arguments=keyed,
            unkeyed=unkeyed,
            inputs=dict(inputs),
            expected=dict(self._expected(inputs, upstream)),
            upstream=tuple(upstream),
            threads=method.threads * at_once if method is not None else 1,
            memory=method.memory * at_once if method is not None else STEPS[rule].memory,
            minutes=_minutes(rule, method, unkeyed.get("time_limit")),
            drop=tuple(drop),
            repeats=_repeats(rule, method),
        )
        return self.steps.setdefault(identity(rule, wildcards), step)

    def known(self, fit: Fit, rule: str, **more: str) -> Step:
        """Return a step of a fit that is planned already."""
        return self.steps[identity(rule, {**fit.wildcards, **more})]

    def program_of(self, fit: Fit) -> Program:
        """Return the program that a fit runs: its method's own, else its model's."""
        path = self.project.analyses[fit.analysis].methods[fit.method].own_program
        return self.facts.own_programs[path] if path is not None else self.facts.programs[fit.model]

    def planned(self, rule: str, wildcards: Mapping[str, str]) -> Step | None:
        """Return a step, or None where it is not planned."""
        return self.steps.get(identity(rule, wildcards))

    @cached_property
    def threaded_models(self) -> frozenset[str]:
        """The models of which some method runs several threads in a chain."""
        return frozenset(
            model
            for analysis in self.project.analyses.values()
            for model in analysis.models
            if any(
                method.threads > 1 and not method.is_external
                for method in analysis.methods_of(model).values()
            )
        )

    def _expected(
        self, inputs: Mapping[str, str | list[str]], upstream: Sequence[Step]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield path and what it must be of each input."""
        results = {
            path: {
                "step": step.rule,
                "key": step.key,
                "key_file": step.key_file,
                "job_file": step.job_file,
                "output": name,
            }
            for step in upstream
            for name, path in step.outputs.items()
        }
        for name, entry in inputs.items():
            for path in entry if isinstance(entry, list) else [entry]:
                if path in results:
                    yield path, results[path]
                elif name in ("program", "programs") and path in self._programs:
                    yield path, self._programs[path]
                else:
                    yield path, {"sha256": self.facts.files[path]}

    @cached_property
    def _programs(self) -> dict[str, Mapping[str, Any]]:
        """What each declared program must be, by path."""
        programs = {
            path: self.facts.programs[name]
            for name, model in self.project.models.items()
            if (path := model.program) is not None
        }
        every = {**programs, **self.facts.own_programs}
        return {path: _expected_program(program) for path, program in every.items()}


def _repeats(rule: str, method: Method | None) -> bool:
    return STEPS[rule].repeats and (method is None or method.repeats)


def _minutes(rule: str, method: Method | None, time_limit: str | None) -> int | None:
    """Return the minutes that a step reserves, of a person's own script its time limit at least.

    A script that a cluster ends starts from the beginning, where a chain goes on.
    """
    minutes = method.minutes if method is not None else STEPS[rule].minutes
    if minutes is None or time_limit is None or _repeats(rule, method):
        return minutes
    return max(minutes, math.ceil(seconds_of(time_limit) / 60) + _AROUND_A_SCRIPT)


def _expected_program(program: Program) -> dict[str, Any]:
    return {
        "program": text_hash(program.canonical),
        "files": dict(program.files),
        "include_dirs": [FUNCTIONS],
    }

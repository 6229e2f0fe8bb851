"""A plan: every fit and step of a declaration, with keys. Pure; `planner.make_plan` makes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from stanchion.config import Project
from stanchion.pictures.catalogue import with_svg
from stanchion.plan import paths
from stanchion.plan.arguments import Waiver
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import JobFile
from stanchion.stan.program import Program


@dataclass(frozen=True)
class Facts:
    """What a plan needs to know of the world: hashes, programs, the toolchain, waivers in force."""

    programs: Mapping[str, Program]
    files: Mapping[str, str]
    """Path → SHA-256 of every file that the declaration names, but programs."""
    compilers: Mapping[str, Mapping[str, Any]]
    """Model → what its compiled code depends on beside the program."""
    toolchain: Mapping[str, Any]
    waivers: Mapping[str, Sequence[Waiver]]
    """Fit → the waivers in force on the run's UTC date."""
    own_programs: Mapping[str, Program] = field(default_factory=dict)
    """Path → the programs that methods run in place of their models'."""


@dataclass(frozen=True)
class Fit:
    """One dataset, one model, one method, in one analysis."""

    analysis: str
    dataset: str
    model: str
    method: str

    @property
    def name(self) -> str:
        """The fit's name in messages, waivers and paths."""
        return f"{self.analysis}/{self.dataset}/{self.model}/{self.method}"

    @property
    def wildcards(self) -> dict[str, str]:
        """The fit as the rules' wildcards."""
        return dict(vars(self))


@dataclass(frozen=True)
class Step:
    """One job: its arguments, what it reads and writes, and its key."""

    rule: str
    wildcards: Mapping[str, str]
    key: str
    made_of: Mapping[str, Any]
    arguments: Mapping[str, Any]
    unkeyed: Mapping[str, Any]
    """The arguments that enter no key."""
    inputs: Mapping[str, str | list[str]]
    expected: Mapping[str, Mapping[str, Any]]
    upstream: tuple[Step, ...]
    threads: int = 1
    memory: int | None = None
    minutes: int | None = None
    drop: tuple[str, ...] = ()
    repeats: bool = True
    """Whether what follows from its outputs follows from its key."""

    @cached_property
    def unrepeated(self) -> Mapping[str, str]:
        """Key by key file of the steps before it whose bytes do not follow from their keys."""
        steps: dict[str, str] = {}
        for step in self.upstream:
            steps |= step.unrepeated
            if not step.repeats:
                steps[step.key_file] = step.key
        return steps

    @property
    def outputs(self) -> dict[str, str]:
        """Output paths by name; of pictures, also those that no rule names."""
        ruled = self.ruled_outputs
        return with_svg(ruled) if self.arguments.get("svg") else ruled

    @property
    def ruled_outputs(self) -> dict[str, str]:
        """The outputs that the rule names: SVGs, which few want, the key file alone proves."""
        return paths.outputs(self.rule, self.wildcards)

    @property
    def key_file(self) -> str:
        """The path of the key file."""
        return paths.key_file(self.rule, self.wildcards)

    @property
    def job_file(self) -> str:
        """The path of the file that the runner reads."""
        return paths.job_file(self.rule, self.wildcards, self.key)

    @property
    def stamps(self) -> str:
        """The path of the file that keeps what the outputs were when last hashed."""
        return paths.stamps(self.rule, self.wildcards)

    @property
    def records(self) -> str:
        """The folder of the records."""
        return paths.records(self.rule, self.wildcards)

    def job(self) -> JobFile:
        """Return what the job file holds."""
        return JobFile(
            step=self.rule,
            key=self.key,
            made_of=self.made_of,
            arguments=self.arguments,
            unkeyed=self.unkeyed,
            inputs=self.inputs,
            expected=self.expected,
            outputs=self.outputs,
            key_file=self.key_file,
            stamps=self.stamps,
            records=self.records,
            log=paths.log_file(self.rule, self.wildcards),
            drop=self.drop,
            cached=STEPS[self.rule].cached,
            unrepeated=self.unrepeated,
        )


@dataclass(frozen=True)
class Plan:
    """Every step of a declaration, by rule and wildcards, in an order in which they can run."""

    project: Project
    facts: Facts
    fits: tuple[Fit, ...]
    steps: Mapping[tuple[str, ...], Step]

    def step(self, rule: str, wildcards: Mapping[str, str]) -> Step:
        """Return a step; raises KeyError where the declaration has no such step."""
        return self.steps[identity(rule, wildcards)]

    def of(self, fit: Fit, rule: str) -> Step:
        """Return a fit's step of a rule."""
        return self.step(rule, fit.wildcards)

    def steps_of(self, fit: Fit) -> Sequence[Step]:
        """Return a fit's steps, its chains included, in an order in which they can run."""
        return self._by_fit[fit]

    @cached_property
    def _by_fit(self) -> Mapping[Fit, Sequence[Step]]:
        steps: dict[Fit, list[Step]] = {fit: [] for fit in self.fits}
        for step in self:
            if "method" in step.wildcards:
                names = {name.name: step.wildcards[name.name] for name in fields(Fit)}
                steps[Fit(**names)].append(step)
        return steps

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps.values())


def identity(rule: str, wildcards: Mapping[str, str]) -> tuple[str, ...]:
    """Return what names a step within a plan."""
    return rule, *(f"{name}={wildcards[name]}" for name in sorted(wildcards))

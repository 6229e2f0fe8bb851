"""What the rules ask of the plan: functions of wildcards."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stanchion.config.configfile import workflow_declaration
from stanchion.errors import StanchionError
from stanchion.pictures.catalogue import pictures_of
from stanchion.plan.catalogue import STEPS
from stanchion.plan.model import Plan, Step
from stanchion.plan.opening import open_plan
from stanchion.plan.staying import targets
from stanchion.provenance.runs import is_listening

Wildcards = Mapping[str, str]
_PATTERN_LIKE = re.compile(r"[{}<>\n]")
"""Snakemake fills in {wildcards} and <pathvars>, also in what an input function returns."""
HANDED_OVER = (
    "STANCHION_RUN_ID",
    "STANCHION_CACHE",
    "STANCHION_SCRATCH",
    "STANCHION_WARM",
    "CMDSTAN",
)
_SLURM = "snakemake_executor_plugin_slurm"
"""There once Snakemake has started, and nowhere else."""


@dataclass(frozen=True)
class Graph:
    """A plan as Snakemake's rules see it."""

    plan: Plan

    def step(self, rule: str, wildcards: Wildcards) -> Step:
        """Return the step that a rule's wildcards name."""
        return self.plan.step(rule, dict(wildcards.items()))

    def job(self, rule: str) -> Callable[[Wildcards], str]:
        """Return the input function for a rule's job file."""
        return lambda wildcards: self.step(rule, wildcards).job_file

    def upstream(self, rule: str) -> Callable[[Wildcards], list[str]]:
        """Return the input function for the key files of the steps that a step follows."""
        return lambda wildcards: [s.key_file for s in self.step(rule, wildcards).upstream]

    def files(self, rule: str, *names: str) -> Callable[[Wildcards], list[str]]:
        """Return the input function for the named inputs of a rule, where the step has them.

        A source whose name Snakemake would take for a pattern is left to the step and its key.
        """

        def input_paths(wildcards: Wildcards) -> list[str]:
            inputs = self.step(rule, wildcards).inputs
            paths = [path for name in names or inputs for path in _listed(inputs.get(name, []))]
            return [path for path in paths if not _PATTERN_LIKE.search(path)]

        return input_paths

    def pictures(self, rule: str) -> list[str]:
        """Return the patterns of the pictures that a rule's step draws."""
        paths = STEPS[rule].paths
        return [paths[name] for name in pictures_of(rule)]

    def key(self, rule: str) -> Callable[[Wildcards], str]:
        """Return the params function for a step's key."""
        return lambda wildcards: self.step(rule, wildcards).key

    def threads(self, rule: str) -> Callable[[Wildcards], int]:
        """Return the function for the threads that a step reserves."""
        return lambda wildcards: self.step(rule, wildcards).threads

    def memory(self, rule: str) -> Callable[[Wildcards], int | None]:
        """Return the function for the MB that a step reserves."""
        return lambda wildcards: self.step(rule, wildcards).memory

    def minutes(self, rule: str) -> Callable[[Wildcards], int | None]:
        """Return the function for the minutes that a step reserves."""
        return lambda wildcards: self.step(rule, wildcards).minutes

    def environment(self) -> list[str]:
        """Return the variables that a job needs where its machine does not inherit them all."""
        return [name for name in HANDED_OVER if name in os.environ]

    def targets(self) -> list[str]:
        """Return what a run makes: all results that stay, with the key files that prove them."""
        return targets(self.plan)


def _listed(paths: str | list[str]) -> list[str]:
    return paths if isinstance(paths, list) else [paths]


def open_graph(workflow: Any, config: Mapping[str, Any]) -> Graph:
    """Open the declaration's plan for a running Snakemake, whose module was given `config`.

    Its main process sees to Slurm's jobs as well. Snakemake would bury the message of what is wrong
    in our calls. Plain `snakemake` ends by it.

    Raises:
        StanchionError: as `open_plan` and `workflow_declaration` do, on a cluster's node.
        SystemExit: the same where a person looks; `stanchion run` says its cause.
    """
    main, alone = workflow.is_main_process, not workflow.output_settings.dryrun
    if main and _SLURM in sys.modules:
        from stanchion.runs.slurm_executor import take_over

        take_over()
    try:
        file = workflow_declaration(workflow, config)
        return Graph(open_plan(file, workflow.config_settings.config, main=main, alone=alone))
    except StanchionError as error:
        if not main:
            raise
        if not is_listening():
            print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from error

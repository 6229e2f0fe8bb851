"""A source edited while the job that reads it waits in Slurm's queue."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cluster.conftest import Submit
from tests.cluster.slurm import NODES, Slurm
from tests.project import ProjectDir

pytestmark = [pytest.mark.cluster, pytest.mark.stan, pytest.mark.snakemake]

RUN = ("stanchion", "run", "--profile", "slurm", "--", "--retries", "0")


def hold(cluster: Slurm, state: str) -> None:
    """Let no job start on any node, or let them start again."""
    for node in NODES:
        cluster.ask("scontrol", "update", f"nodename={node}", f"state={state}", "reason=held")


def test_a_program_edited_while_its_job_waits_makes_nothing(
    cluster: Slurm, make: Callable[..., ProjectDir], submit: Submit
) -> None:
    """The job stops with a sentence on its node, and nothing is made or kept under its key."""
    project = make(chains=1, quick=0)
    project.edit("stan/mean.stan", "mu ~ normal(0, 10)", "mu ~ normal(0, 5)")
    paths = set((project.cache / "steps").rglob("entry.json"))
    folder = str(project.path)
    hold(cluster, "drain")
    try:
        run = submit(project, *RUN)
        cluster.wait_until(
            lambda: any(job[1] == "PENDING" and job[3] == folder for job in cluster.jobs()),
            "a job waits",
            120,
        )
        project.edit("stan/mean.stan", "mu ~ normal(0, 5)", "mu ~ normal(99, 0.1)")
    finally:
        hold(cluster, "resume")
    output = run.output()
    assert run.process.returncode == 1, output
    assert "stan/mean.stan: it changed since this run was planned" in output
    assert "Traceback" not in output
    assert set((project.cache / "steps").rglob("entry.json")) == paths
    assert not list((project.path / "results").rglob("draws.nc"))

"""Runs on a Slurm whose controller goes away, and jobs that Slurm ends or does not take."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest

from tests.cluster.conftest import Submit
from tests.cluster.slurm import Slurm, reason_not_to_limit_memory
from tests.cluster.test_slurm import (
    RUN,
    SLOW,
    Make,
    assert_finished,
    chains,
    processes_of,
    started,
    states,
)
from tests.project import ProjectDir

pytestmark = [pytest.mark.cluster, pytest.mark.stan, pytest.mark.snakemake]

AWAY = 30
"""Seconds for which the controller is away."""
SILENT = "Slurm does not answer (slurm_load_jobs error: Unable to contact slurm controller"


def halt(cluster: Slurm, project: ProjectDir, chains: int = 2) -> list[int]:
    """Wait until a fit's chains run, and stop their processes for a while."""
    cluster.wait_until(lambda: len(started(project, "slow")) == chains, "the chains run", 120)
    records = started(project, "slow").values()
    result = [pid for record in records for pid in processes_of(project, record["key"])]
    for pid in result:
        os.kill(pid, signal.SIGSTOP)
    return result


def test_controller_that_is_away_in_mid_run_costs_nothing(
    cluster: Slurm, make: Make, submit: Submit
) -> None:
    """A controller away for 30 s is waited out: by a run, and by the heir of one that was killed.

    No chain is lost and none is sent twice, `status` says what it knows, and the runs end well.
    """
    watched, remaining = make(slow=SLOW), make(slow=SLOW)
    killed, run = submit(remaining, *RUN), submit(watched, *RUN)
    halted = halt(cluster, remaining) + halt(cluster, watched)
    killed.kill()
    shown = watched.stanchion("status").stdout
    assert len(re.findall(r"sample_chain\.\d +means/slow/mean/nuts +running on node\d", shown)) == 2
    cluster.kill_controller()
    silent = time.monotonic()
    heir = submit(remaining, *RUN)
    status = watched.stanchion("status")
    assert status.returncode == 0
    assert SILENT in status.stdout + status.stderr
    cluster.wait_until(
        lambda: SILENT in run.so_far() and SILENT in heir.so_far(), "both runs say so", 90
    )
    time.sleep(max(0.0, AWAY - (time.monotonic() - silent)))
    cluster.start_controller()
    cluster.wait_until(lambda: "waiting for jobs of" in heir.so_far(), "the heir waits", 60)
    for pid in halted:
        os.kill(pid, signal.SIGCONT)
    for submitted in (run, heir):
        output = assert_finished(submitted)
        assert output.count(SILENT) == output.count("Slurm answers again, after") == 1, output
        assert "Trying to restart" not in output
        for attempts in chains(submitted.project, "slow").values():
            assert states(attempts) == ["done"], output


def test_job_that_ran_out_of_time_or_memory_gets_more(
    cluster: Slurm, make: Make, submit: Submit
) -> None:
    """After TIMEOUT a retry has twice the time, after OUT_OF_MEMORY twice the memory, to a cap.

    At the cap a chain that saves no state is not tried again, and the closing summary names cause
    and remedy.
    """
    if reason := reason_not_to_limit_memory():
        pytest.skip(reason)
    requested = ("sample_chain:mem_mb=800", "sample_chain:runtime=1")
    capped = ("sample_chain:max_mem_mb=800", "sample_chain:max_runtime=1")
    free, capped_project = (make(chains=1, heavy=["big"], slow=SLOW, big=0) for _ in range(2))
    capped_project.edit("config/config.yaml", "draws: 400}", "draws: 400, checkpoint: 0}")
    runs = [
        submit(free, *RUN, "--until", "sample_chain", "--set-resources", *requested),
        submit(capped_project, *RUN, "--set-resources", *requested, *capped),
    ]
    for project in (free, capped_project):
        halt(cluster, project, chains=1)
    output = runs[0].output()
    assert runs[0].process.returncode == 0, output
    for dataset in ("slow", "big"):
        assert chains(free, dataset)["1"][-1]["state"] == "done", output
    assert "sampling chain 1 of means/slow/mean/nuts: sent again with runtime=2, not 1" in output
    assert "sampling chain 1 of means/big/mean/nuts: sent again with mem_mb=1600, not 800" in output
    assert output.count("sent again with") == 2
    output = runs[1].output()
    assert runs[1].process.returncode == 1, output
    assert "sent again with" not in output
    assert "Trying to restart" not in output
    for dataset, state, name in (
        ("slow", "TIMEOUT", "runtime"),
        ("big", "OUT_OF_MEMORY", "mem_mb"),
    ):
        assert len(chains(capped_project, dataset)["1"]) == 1
        assert re.search(
            rf"sampling chain 1 of means/{dataset}/mean/nuts failed\n"
            rf"ended by Slurm, which says {state} of job \d+\n  do: .*`{name}`.*`max_{name}`",
            output,
        ), output


def test_wrong_partition_is_said_once_and_not_retried(make: Make, submit: Submit) -> None:
    """Jobs for a partition that does not exist are refused once each, in one message for all."""
    run = submit(
        make(chains=2, quick=0, slow=0), *RUN, "--default-resources", "slurm_partition=nowhere"
    )
    output = run.output()
    assert run.process.returncode == 1, output
    told, _, closing = output.partition("\nfit ")
    assert told.count("invalid partition specified: nowhere") == 1, output
    assert "`slurm_partition`" in told
    assert closing.count("  failed: ") == 2 and "next: " in closing, output
    assert "Trying to restart" not in output

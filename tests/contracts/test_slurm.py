"""Slurm and Snakemake's plugin for it: states of jobs, words, and what the executor overrides."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from inspect import isasyncgenfunction
from pathlib import Path

import pytest
import snakemake_executor_plugin_slurm as plugin
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

from stanchion.runs import slurm, slurm_executor
from tests.contracts import ANY, mend, takes, texts

ENDED = {
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REVOKED",
    "TIMEOUT",
}
"""The states of a job at its end (squeue's manual, "job state codes")."""
OURS = "runs/slurm_executor.py"


def test_each_state_of_slurms_is_active_or_at_its_end(tmp_path: Path) -> None:
    """`squeue` names the states that it knows: each is one of ours, and ours are its."""
    if shutil.which("squeue") is None:
        pytest.skip("there is no squeue on this machine")
    configuration = tmp_path / "slurm.conf"
    configuration.write_text("ClusterName=none\nSlurmctldHost=localhost\n")
    completed = subprocess.run(
        ["squeue", "--states=NONE"],
        env={**os.environ, "SLURM_CONF": str(configuration)},
        capture_output=True,
        text=True,
    )
    output = re.search(r"Valid job states include: (\S+)", completed.stderr)
    assert output, mend("tests/contracts/test_slurm.py", f"squeue says {completed.stderr!r}")
    names = set(output.group(1).split(","))
    assert not ENDED & slurm.ACTIVE
    unknown = names - ENDED - slurm.ACTIVE
    assert not unknown, mend("runs/slurm.py", f"ACTIVE lacks the state {', '.join(unknown)}")
    missing = slurm.ACTIVE - names
    assert not missing, mend("runs/slurm.py", f"ACTIVE names {', '.join(missing)}")
    assert names >= slurm.MORE.keys(), mend("runs/slurm.py", "MORE")


def test_the_plugin_takes_the_same_states_for_ends() -> None:
    """What the plugin calls failed is an end for us too, and it knows those that we send again."""
    words = set(texts("snakemake_executor_plugin_slurm").split("\0"))
    failed = {word for word in words if word in ENDED}
    assert {"COMPLETED", "FAILED", "CANCELLED", *slurm.MORE} <= failed, mend(OURS, "fail_stati")


@pytest.mark.parametrize("status", ["FAILED", "OUT_OF_MEMORY"])
def test_a_state_is_read_from_the_plugins_message(status: str) -> None:
    """The plugin's message of a failed job holds its state, as we read it."""
    output = texts("snakemake_executor_plugin_slurm").replace(ANY, status)
    messages = [text for text in output.split("\0") if text.startswith("SLURM-job '")]
    read = [slurm_executor._STATE.search(text) for text in messages if "SLURM status" in text]
    assert read and all(m and m.group(1) == status for m in read), mend(OURS, "_STATE")


def test_sbatchs_words_are_read_from_the_plugins_message() -> None:
    """The plugin's message of a job that was not taken holds sbatch's own words, as we cut them."""
    output = texts("snakemake_executor_plugin_slurm").replace(ANY, "no such account")
    messages = [text for text in output.split("\0") if "The error message was" in text]
    words = {slurm_executor._words(text) for text in messages}
    assert "no such account" in words, mend(OURS, "_QUOTED and the sbatch call")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("run_job", ["job"]),
        ("check_active_jobs", ["active_jobs"]),
        ("report_job_success", ["job_info"]),
        ("report_job_error", ["job_info", "msg"]),
        ("_report_job_error_threadsafe", ["job_info", "msg"]),
        ("_report_job_submission_threadsafe", ["job_info"]),
        ("cancel", []),
        ("shutdown", []),
        ("__post_init__", ["test_mode"]),
    ],
)
def test_what_the_executor_overrides_is_the_plugins(name: str, arguments: list[str]) -> None:
    """Each method that ours overrides exists, with the arguments that it is called with."""
    method = getattr(plugin.Executor, name, None)
    assert method is not None and takes(method, *arguments), mend(OURS, f"Executor.{name}")


def test_what_the_executor_reads_is_there() -> None:
    """Settings, attributes and facts about jobs that ours reads or sets, and the registry."""
    assert isasyncgenfunction(plugin.Executor.check_active_jobs), mend(OURS, "check_active_jobs")
    settings = plugin.ExecutorSettings.__dataclass_fields__
    for name in ("jobname_prefix", "init_seconds_before_status_checks"):
        assert name in settings, mend(OURS, f"the setting {name}")
    used = {*plugin.Executor.__init__.__code__.co_names}
    for method in vars(plugin.Executor).values():
        used |= {*getattr(getattr(method, "__code__", None), "co_names", ())}
    for name in ("run_uuid", "_submitted_job_clusters", "next_seconds_between_status_checks"):
        assert name in used, mend(OURS, f"the attribute {name}")
    assert "slurm_logfile" in texts("snakemake_executor_plugin_slurm"), mend(OURS, "slurm_logfile")
    for name in ("job", "external_jobid", "aux"):
        assert name in SubmittedJobInfo.__dataclass_fields__, mend(OURS, f"SubmittedJobInfo.{name}")
    registered = ExecutorPluginRegistry().get_plugin("slurm")
    assert registered.executor in (plugin.Executor, slurm_executor.PatientExecutor), mend(OURS, "")

"""What a run asks of Slurm, with a squeue and a scancel of these tests."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from stanchion.errors import StanchionError
from stanchion.runs import jobs, slurm
from stanchion.runs.status import FitStatus
from stanchion.runs.status_table import as_json

AWAY = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"


def row(job: int, state: str, name: str, folder: Path, node: str = "", reason: str = "None") -> str:
    """A line as squeue prints it in the format that we ask for."""
    since = "2026-11-21T14:02:11" if node else "N/A"
    return f"{job}|{state}|{node}|{since}|{reason}|{folder}|{name}\n"


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that squeue prints and from which scancel takes the pending jobs."""
    tools, queue = tmp_path / "tools", tmp_path / "queue"
    tools.mkdir()
    for name, line in (
        ("squeue", f"cat {queue}"),
        (
            "scancel",
            f"echo $* >{queue}.cancelled; grep -v PENDING {queue} >{queue}.2; mv {queue}.2 {queue}",
        ),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{line}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return queue


def fall_silent(queue: Path, words: str = AWAY) -> None:
    """Have squeue fail as it does while the controller is away."""
    script = queue.parent / "tools/squeue"
    script.write_text(
        f"#!/bin/sh\n[ -e {queue} ] && exec cat {queue}\necho '{words}' >&2\nexit 1\n"
    )
    queue.unlink(missing_ok=True)


def test_only_jobs_of_this_folder_and_name_count(queue: Path, tmp_path: Path) -> None:
    """Jobs of another folder, or that no run of ours has named, are left alone."""
    queue.write_text(
        row(6, "RUNNING", "stanchion:a/d/m/nuts/sample_chain.1", tmp_path, "node1")
        + row(7, "RUNNING", "stanchion_1", tmp_path, "node1")
        + row(8, "RUNNING", "stanchion_1", tmp_path / "other", "node1")
        + row(9, "RUNNING", "mine", tmp_path, "node1")
        + row(10, "RUNNING", "stanchions", tmp_path, "node1")
        + "slurm_load_jobs error\n"
    )
    assert [job.job for job in slurm.leftovers("stanchion")] == ["6", "7"]


def test_pending_are_cancelled_and_running_waited_for(
    queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What has not begun is cancelled; what runs is named and waited for, so that it is kept."""
    queue.write_text(
        row(7, "RUNNING", "stanchion_1", tmp_path, "node1")
        + row(8, "PENDING", "stanchion_1", tmp_path)
    )
    naps = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            queue.write_text("")

    monkeypatch.setattr(slurm, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    slurm.settle_leftovers("stanchion")
    assert Path(f"{queue}.cancelled").read_text() == "--state=PENDING 8\n"
    output = capsys.readouterr().err
    assert output.count("waiting for jobs of an earlier run, whose work is kept: 7\n") == 1


def test_silence_is_not_taken_for_no_jobs(
    queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While squeue fails a run waits and says so once; then it finds the job that runs on."""
    fall_silent(queue)
    visited: list[str] = []

    def sleep(_: float) -> None:
        visited.append(capsys.readouterr().err)
        if len(visited) == 3:
            queue.write_text(row(7, "RUNNING", "stanchion:a/b", tmp_path, "node1"))
        if len(visited) == 5:
            queue.write_text("")

    monkeypatch.setattr(slurm, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    slurm.settle_leftovers("stanchion")
    assert visited[0] == f"Slurm does not answer ({AWAY}): waiting; its jobs go on meanwhile\n"
    assert visited[1:3] == ["", ""]
    assert visited[3].startswith(
        "Slurm answers again, after 0 s\nwaiting for jobs of an earlier run"
    )
    assert len(visited) == 5


def test_squeue_that_hangs_is_no_answer(queue: Path) -> None:
    """A squeue that says nothing in time is given up, and its silence is no answer."""
    (queue.parent / "tools/squeue").write_text("#!/bin/sh\nexec sleep 20\n")
    with pytest.raises(slurm.NoAnswerError, match="squeue took longer than 0 s"):
        slurm.queue(patience=0.2)


def test_machine_without_slurm_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no squeue no job can be sent, which is said before any is."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StanchionError, match="this machine has no Slurm"):
        slurm.settle_leftovers("stanchion")
    assert jobs.known_jobs() == []


@pytest.mark.parametrize(
    ("words", "unreached"),
    [
        (AWAY, True),
        ("Batch job submission failed: Socket timed out on send/recv operation", True),
        ("Batch job submission failed: Zero Bytes were transmitted or received", True),
        ("Failed to run sinfo for retrieval of cluster partitions: ", True),
        ("Batch job submission failed: Invalid partition name specified", False),
        ("Batch job submission failed: Requested node configuration is not available", False),
        ("your project has no hours left: contact support@hpc.example", False),
    ],
)
def test_no_answer_and_no_are_told_apart(words: str, unreached: bool) -> None:
    """Only words that say that nobody was reached are waited out; a "no" is an answer."""
    assert slurm.is_unreached(words) is unreached


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("sbatch: error: Invalid partition name specified", "slurm_partition"),
        ("Invalid account or account/partition combination specified", "slurm_account"),
        ("Requested time limit is invalid (missing or exceeds some limit)", "max_runtime"),
        ("Memory specification can not be satisfied", "max_mem_mb"),
    ],
)
def test_refusal_says_what_to_correct(words: str, key: str) -> None:
    """A refused job says Slurm's words, and which key of the profile to correct."""
    message = slurm.refusal(words)
    assert words.removeprefix("sbatch: error: ") in message
    assert key in message.partition("  do: ")[2]


def test_more_is_twice_as_much_each_time_up_to_the_cap() -> None:
    """What a job asks for doubles with each end for want of it, and never sinks below its own."""
    assert [slurm.more(30, None, times) for times in (1, 2)] == [60, 120]
    assert [slurm.more(30, 100, times) for times in (1, 2, 60)] == [60, 100, 100]
    assert slurm.more(30, 20, 1) == 30


def test_status_names_jobs_by_their_fit(queue: Path, tmp_path: Path) -> None:
    """Jobs show state, node, since when or why not; of a step sent twice the last; fits follow."""
    step = "stanchion:a/d/m/{}/sample_chain.{}"
    queue.write_text(
        row(12, "PENDING", step.format("nuts", 2), tmp_path, reason="Resources")
        + row(9, "TIMEOUT", step.format("nuts", 2), tmp_path, "node2")
        + row(10, "RUNNING", step.format("nuts", 1), tmp_path, "node1")
        + row(11, "COMPLETED", step.format("nuts", 3), tmp_path, "node1")
        + row(13, "PENDING", step.format("long", 1), tmp_path, reason="Priority")
        + row(14, "OUT_OF_MEMORY", step.format("long", 2), tmp_path, "node1")
        + row(15, "RUNNING", "stanchion:b/write_report", tmp_path, "node1")
        + row(17, "PENDING", step.format("long", 3), tmp_path)
        + row(16, "RUNNING", step.format("nuts", 4), tmp_path / "other", "node1")
    )
    names = jobs.known_jobs(["a"])
    assert names is not None
    assert jobs.job_table(names).splitlines() == [
        "job  step            of          state",
        "10   sample_chain.1  a/d/m/nuts  running on node1 since 2026-11-21T14:02:11",
        "12   sample_chain.2  a/d/m/nuts  pending (Resources)",
        "13   sample_chain.1  a/d/m/long  pending (Priority)",
        "14   sample_chain.2  a/d/m/long  OUT_OF_MEMORY",
        "17   sample_chain.3  a/d/m/long  pending",
        "jobs done: 1",
    ]
    fits = [FitStatus(f"a/d/m/{name}", "missing") for name in ("nuts", "long", "idle")]
    states = [fit.state for fit in jobs.in_progress(fits, names)]
    assert states == ["running", "pending", "missing"]
    shown = json.loads(as_json(fits, jobs=names))["jobs"]
    assert {"step": "sample_chain.1", "state": "running", "node": "node1"}.items() <= shown[
        0
    ].items()
    assert json.loads(as_json(fits, jobs=None))["jobs"] is None


def test_status_says_where_slurm_is_silent(queue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an answer jobs are unknown, not absent, and that is said."""
    fall_silent(queue)
    assert jobs.known_jobs() is None
    assert "Slurm does not answer (slurm_load_jobs error" in capsys.readouterr().err


def test_commands_without_a_cluster_are_no_cluster(
    queue: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where Slurm's commands are installed and belong to no cluster there are no jobs to show."""
    fall_silent(queue, "squeue: fatal: Could not establish a configuration source")
    assert jobs.known_jobs() == []
    assert capsys.readouterr().err == ""

"""What a run asks of Slurm, with a squeue and a scancel of these tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stanchion import slurm


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


def test_only_jobs_of_this_folder_and_name_count(queue: Path, tmp_path: Path) -> None:
    """Jobs of another folder, or that no run of ours has named, are left alone."""
    queue.write_text(
        f"7|RUNNING|stanchion_1|{tmp_path}\n"
        f"8|RUNNING|stanchion_1|{tmp_path}/other\n"
        f"9|RUNNING|mine|{tmp_path}\n"
        "slurm_load_jobs error\n"
    )
    assert slurm.leftovers("stanchion") == [slurm.Leftover("7", "RUNNING")]


def test_pending_are_cancelled_and_running_waited_for(
    queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What has not begun is cancelled; what runs is named and waited for, so that it is kept."""
    queue.write_text(f"7|RUNNING|stanchion_1|{tmp_path}\n8|PENDING|stanchion_1|{tmp_path}\n")
    naps = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            queue.write_text("")

    monkeypatch.setattr(slurm.time, "sleep", sleep)
    slurm.settle_leftovers("stanchion")
    assert Path(f"{queue}.cancelled").read_text() == "--state=PENDING 8\n"
    said = capsys.readouterr().err
    assert said.count("waiting for jobs of an earlier run, whose work is kept: 7\n") == 1


def test_without_slurm_there_is_nothing_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where squeue is missing or fails, a run begins at once."""
    monkeypatch.setenv("PATH", "/nowhere")
    slurm.settle_leftovers("stanchion")

"""`track`, its push and `restore`, killed at random moments: nothing is lost, the next try works.

STANCHION_KILLS=20 pytest tests/workflow/test_killed_versions.py
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.project import BIN, ProjectDir
from tests.versions import git
from tests.workflow.test_manipulations import tracked  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]

CI_KILLS = 3
RESULTS = Path("results/means")
_SEED = 20261121


@pytest.fixture
def kills() -> int:
    """How often each command is killed: $STANCHION_KILLS by hand, few otherwise."""
    return int(os.environ.get("STANCHION_KILLS", CI_KILLS))


@pytest.fixture
def project(tracked: ProjectDir, tmp_path: Path) -> ProjectDir:  # noqa: F811
    """A copy of a project with tracked results, with its remote beside it."""
    for name in ("project", "store"):
        shutil.copytree(tracked.path.parent / name, tmp_path / name, symlinks=True)
    return ProjectDir(tmp_path / "project", tracked.cache)


def contents(project: ProjectDir) -> dict[str, bytes]:
    paths = (path for path in (project.path / RESULTS).rglob("*") if path.is_file())
    return {str(path.relative_to(project.path)): path.read_bytes() for path in paths}


def start(project: ProjectDir, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(BIN / "stanchion"), *words],
        cwd=project.path,
        env=project.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def took(project: ProjectDir, *words: str) -> float:
    """Return how long a command takes here that is not killed, in seconds."""
    begun = time.monotonic()
    assert start(project, *words).wait() == 0
    return time.monotonic() - begun


def kill_during(project: ProjectDir, moment: float, *words: str) -> bool:
    """Kill a command and its whole group after some seconds; tell whether it was still running."""
    process = start(project, *words)
    try:
        process.wait(moment)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


def succeeds(project: ProjectDir, *words: str) -> str:
    completed = project.stanchion(*words)
    assert completed.returncode == 0, f"{words}: {completed.stdout}{completed.stderr}"
    return completed.stdout


def untrack(project: ProjectDir) -> None:
    """Take away pointers, DVC's cache and the remote's objects: the next `track` does it all."""
    for path in ("results/means.dvc", "results/means.manifest.json"):
        (project.path / path).unlink(missing_ok=True)
    for folder in (project.path / ".dvc/cache", project.path.parent / "store"):
        shutil.rmtree(folder, ignore_errors=True)


def test_killed_track_and_push(project: ProjectDir, kills: int) -> None:
    """Results are as they were; the next `track` gives what git holds, whole at the remote."""
    untrack(project)
    before, whole = contents(project), took(project, "track")
    moments = random.Random(_SEED)
    hit = 0
    for _ in range(kills):
        untrack(project)
        hit += kill_during(project, moments.uniform(0.1, 1.0) * whole, "track")
        assert contents(project) == before
        succeeds(project, "track")
        assert contents(project) == before
        assert git("status", "--porcelain", folder=project.path) == ""
        assert "means: intact" in succeeds(project, "verify", "--remote")
    assert hit > 0


def test_killed_restore(project: ProjectDir, kills: int) -> None:
    """From one version to the other and back: the next `restore` brings it, and nothing is lost."""
    versions = {"first": contents(project)}
    git("tag", "first", folder=project.path)
    project.edit("config/config.yaml", "What is the mean?", "Which is the mean?")
    git("commit", "--quiet", "--all", "--message", "Another question", folder=project.path)
    succeeds(project, "run", "--cores", "2", "means")
    succeeds(project, "track", "--commit")
    git("tag", "second", folder=project.path)
    versions["second"] = contents(project)
    assert versions["first"] != versions["second"]
    whole = took(project, "restore", "--rev", "first")
    moments = random.Random(_SEED + 1)
    hit = 0
    for number in range(kills):
        expected = ("second", "first")[number % 2]
        shutil.rmtree(project.path / ".dvc/cache")
        hit += kill_during(project, moments.uniform(0.1, 1.0) * whole, "restore", "--rev", expected)
        assert "nothing to do" in succeeds(project, "restore", "--rev", expected)
        assert contents(project) == versions[expected]
        assert "means: intact" in succeeds(project, "verify", "--remote")
    assert hit > 0

"""One run at a time in a folder, whoever started it."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stanchion.errors import StanchionError
from stanchion.system import lock

HOLD = """\
import sys
from stanchion.system.lock import lock_project
lock_project()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lock, "_HELD", {})
    dead = tmp_path / ".snakemake/locks/0.input.lock"
    dead.parent.mkdir(parents=True)
    dead.write_text("data/x.csv\n")
    return tmp_path


@pytest.fixture
def other(project: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(
        command, cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as output:
        assert output.stdout is not None and output.stdout.readline() == "held\n"
        yield output


def test_a_held_lock_refuses_and_names_its_holder(other: subprocess.Popen[str]) -> None:
    """The second is told which process holds it, and who only looks is not refused."""
    for arguments in (["--cores", "4"], ["--unlock"], []):
        with pytest.raises(StanchionError, match=rf"going on .*process {other.pid} on "):
            lock.lock_for_snakemake(arguments)
    for arguments in (["--summary"], ["--dag=dot"], ["--cores", "1", "-l"]):
        lock.lock_for_snakemake(arguments)


def test_the_lock_is_gone_with_its_process(project: Path, other: subprocess.Popen[str]) -> None:
    """A killed holder is no obstacle, and what Snakemake left of its own locks goes."""
    other.kill()
    other.wait()
    (project / ".snakemake/locks").mkdir(parents=True, exist_ok=True)
    (project / ".snakemake/locks/0.input.lock").write_text("data/x.csv\n")
    assert lock.lock_project() and lock.lock_project()
    assert not (project / ".snakemake/locks").exists()


def test_without_kernel_locks_snakemakes_own_stay(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system that knows no locks nobody is refused, and nothing is removed unproved."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    assert lock.lock_project() is False
    assert (project / ".snakemake/locks/0.input.lock").exists()

"""The warm process: a step is forked from it, or runs by itself, and ends with its run."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stanchion.plan.job import JobFile
from stanchion.plan.keys import key_of
from stanchion.runs.warm import folders, offer
from stanchion.runs.warm.offer import write_client
from tests.project import BIN

FAKE = """
import json, os, sys, threading, time, types
from pathlib import Path
from stanchion.steps import runner

def run(job):
    marker = Path(job.arguments["marker"])
    about = {"parent": os.getppid(), "folder": os.getcwd(), "umask": os.umask(0o27),
             "variable": os.environ.get("TOLD"), "threads": threading.active_count()}
    marker.write_text(json.dumps(about))
    print("said by the step")
    time.sleep(job.arguments["seconds"])
    for path in job.outputs.values():
        path.write_text("{}")

step = types.ModuleType("stanchion.steps.prepare_data")
step.run = run
sys.modules[step.__name__] = step
runner.read_arguments = lambda kind, content, where: content
if "stanchion.runs.warm.server" in sys.orig_argv and os.environ.get("ANOTHER_THREAD"):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
"""
"""Stands in for a step, in every process of a test's run."""
RUN = """
import os, subprocess, sys
from stanchion.runs.warm.offer import offer_warm_process
offer_warm_process()
print(os.environ.get("STANCHION_WARM"), flush=True)
command, *files = sys.argv[1:]
steps = [subprocess.Popen(["bash", "-c", f'exec {command} "$0"', file]) for file in files]
sys.exit(max(abs(step.wait()) for step in steps))
"""
"""Stands in for Snakemake: starts steps as its own children and waits for them."""
IMPORTED = """
import sys
sys.path.insert(0, sys.argv[1])
import stanchion.runs.warm.client
print(*sys.modules)
"""
PACKAGES = Path(offer.__file__).parents[3]


class Run:
    """A run's process, and what its steps leave."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment

    def job(self, name: str, seconds: float = 0) -> Path:
        arguments = {"marker": str(self.folder / f"{name}.marker"), "seconds": seconds}
        job = JobFile(
            step="prepare_data",
            key=key_of({"arguments": arguments}),
            made_of={},
            arguments=arguments,
            unkeyed={},
            expected={},
            inputs={},
            outputs={"data": f"results/{name}/data.json"},
            key_file=f"results/{name}/.keys/prepare_data",
            stamps=f".stanchion/stamps/{name}/prepare_data",
            records=f"results/{name}/records/prepare_data",
            log=f"logs/{name}.log",
            drop=(),
            cached=False,
        )
        path = self.folder / f".stanchion/jobs/{name}/prepare_data.m/{job.key}.json"
        path.parent.mkdir(parents=True)
        path.write_text(job.text())
        return path

    def start(self, *jobs: Path, command: str = "stanchion-step") -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-c", RUN, command, *map(str, jobs)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def records(self, name: str) -> list[dict[str, object]]:
        folder = self.folder / f"results/{name}/records/prepare_data"
        paths = sorted(folder.glob("*.json"), key=lambda path: int(path.stem.split("-")[1]))
        return [json.loads(path.read_text()) for path in paths]

    def processes(self, name: str) -> list[str]:
        return [str(record["process"]) for record in self.records(name)]

    def marker(self, name: str) -> dict[str, object]:
        path = self.folder / f"{name}.marker"
        wait(lambda: path.exists() and path.read_text().endswith("}"))
        return json.loads(path.read_text())


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(FAKE)
    inherited = {n: v for n, v in os.environ.items() if not n.startswith("STANCHION_")}
    environment = {
        **inherited,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path / "site"),
        "TOLD": "a\nvalue",
        "TMPDIR": "/tmp",
    }
    yield Run(tmp_path, environment)


def wait(until: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def clients(process: int) -> list[int]:
    """Return the children of a run that ask for a step."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    return [child for child, command in commands.items() if b"stanchion-step" in command]


def is_alive(process: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_each_step_is_a_fork_of_one_warm_process(run: Run) -> None:
    """Steps share one parent, not the run, and have their client's folder, files and variables."""
    started = run.start(run.job("a"), run.job("b"))
    output, _ = started.communicate(timeout=60)
    assert started.returncode == 0, output
    assert output.count("said by the step") == 2
    assert run.processes("a") == run.processes("b") == ["forked"]
    a, b = run.marker("a"), run.marker("b")
    assert a["parent"] == b["parent"] != started.pid
    assert a == {
        **a, "folder": str(run.folder), "umask": os.umask(os.umask(0o22) or 0), "threads": 1,
        "variable": "a\nvalue",
    }  # fmt: skip


def test_the_client_starts_without_what_it_does_not_need(run: Run) -> None:
    """A step's client is a bare interpreter, which looks for no libraries and imports little."""
    started = run.start(run.job("a", seconds=60))
    run.marker("a")
    (client,) = clients(started.pid)
    command = Path(f"/proc/{client}/cmdline").read_bytes().split(b"\0")
    started.terminate()
    started.communicate(timeout=30)
    assert command[1] == b"-IS" and command[2].endswith(b"/stanchion-step")
    printed = subprocess.run(
        [sys.executable, "-IS", "-c", IMPORTED, str(PACKAGES)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"site", "re", "socket", "contextlib", "typing"}.isdisjoint(printed.stdout.split())


@pytest.mark.parametrize("python", ["/" + "p" * 130 + "/python", "/a folder/python"])
def test_no_client_is_written_that_could_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    """Where no first line can name this Python, the installed client stays first in PATH."""
    before = os.environ["PATH"]
    monkeypatch.setenv("PATH", before)
    monkeypatch.setattr(sys, "executable", python)
    write_client(tmp_path)
    assert os.environ["PATH"] == before and not list(tmp_path.iterdir())
    monkeypatch.undo()
    monkeypatch.setenv("PATH", before)
    write_client(tmp_path)
    assert os.environ["PATH"] == f"{tmp_path}{os.pathsep}{before}"


def test_nothing_is_left_of_a_run(run: Run) -> None:
    """When a run has ended, its warm process and its socket's folder are gone."""
    started = run.start(run.job("a"))
    output, _ = started.communicate(timeout=60)
    folder = Path(output.splitlines()[0].partition(":")[2]).parent
    wait(lambda: not folder.exists() and not is_alive(int(str(run.marker("a")["parent"]))))


@pytest.mark.parametrize("variable", ["STANCHION_WARM", "ANOTHER_THREAD"])
def test_a_step_runs_by_itself_where_it_cannot_be_forked(run: Run, variable: str) -> None:
    """Turned off, or with a second thread in the warm process, steps run and say so."""
    run.environment[variable] = "off"
    started = run.start(run.job("a"))
    assert started.wait(timeout=60) == 0
    assert run.processes("a") == ["own"]
    assert run.marker("a")["variable"] == "a\nvalue"


def test_it_serves_its_own_run_only(run: Run) -> None:
    """A grandchild of the run, as in a job's script, is not forked: its run is not its parent."""
    script = run.folder / "script"
    script.write_text(f'#!/bin/sh\n"{BIN}/stanchion-step" "$1"\n')
    script.chmod(0o755)
    started = run.start(run.job("a"), command=str(script))
    assert started.wait(timeout=60) == 0
    assert run.processes("a") == ["own"]


def test_a_run_goes_on_when_its_warm_process_is_killed(run: Run) -> None:
    """A step that was running is ended and done again by itself; nobody is told of a failure."""
    started = run.start(run.job("a", seconds=1))
    os.kill(int(str(run.marker("a")["parent"])), signal.SIGKILL)
    printed, _ = started.communicate(timeout=60)
    assert started.returncode == 0
    assert printed.count("\n") == 4, printed
    assert re.search(r"^prepared .* in \d+\.\d s$", printed, re.MULTILINE), printed
    assert run.processes("a") == ["forked", "own"]
    assert [record["state"] for record in run.records("a")] == ["failed", "done"]
    assert (run.folder / "results/a/data.json").read_text() == "{}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_step_ends_with_its_client(run: Run, number: signal.Signals) -> None:
    """A signal to the client ends the child; the client ends as the child did."""
    started = run.start(run.job("a", seconds=60))
    run.marker("a")
    (client,) = clients(started.pid)
    os.kill(client, number)
    assert started.wait(timeout=10) != 0
    wait(lambda: run.records("a")[0]["state"] == "failed")
    assert "SIGTERM" in str(run.records("a")[0]["error"])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_steps_end_with_their_run(run: Run, number: signal.Signals) -> None:
    """However the run ends, warm process and steps are gone soon after, and say why."""
    started = run.start(run.job("a", seconds=60))
    warm = int(str(run.marker("a")["parent"]))
    os.kill(started.pid, number)
    started.wait(timeout=10)
    wait(lambda: not is_alive(warm), seconds=10)
    assert run.records("a")[0]["state"] == "failed"


def folder_of(started: subprocess.Popen) -> Path:
    """Return the folder that a run offers its warm process in."""
    assert started.stdout is not None
    return Path(started.stdout.readline().strip().partition(":")[2]).parent


def test_what_a_killed_run_has_left_is_swept_by_the_next(run: Run) -> None:
    """Once run and warm process are both gone, and not while one of them lives."""
    dead = run.start(run.job("dead", seconds=60))
    left, warm = folder_of(dead), int(str(run.marker("dead")["parent"]))
    os.kill(warm, signal.SIGSTOP)
    for process in (*clients(dead.pid), dead.pid):
        os.kill(process, signal.SIGKILL)
    dead.wait(timeout=30)
    try:
        folders.sweep(left.parent)
        assert left.exists()
    finally:
        os.kill(warm, signal.SIGKILL)
    wait(lambda: not is_alive(warm))
    living = run.start(run.job("living", seconds=60))
    used = folder_of(living)
    os.kill(int(str(run.marker("living")["parent"])), signal.SIGKILL)
    wait(lambda: run.processes("living") == ["forked", "own"])
    assert run.start(run.job("next")).wait(timeout=60) == 0
    are_there = left.exists(), used.exists()
    living.terminate()
    living.communicate(timeout=30)
    shutil.rmtree(used, ignore_errors=True)
    assert are_there == (False, True)


def _as_a_run_left_it(name: str) -> Path:
    """Make the folder of a run that is dead, in the current folder: a socket's path is short."""
    folder = Path(name)
    folder.mkdir()
    for descriptor in folders.hold(folder):
        os.close(descriptor)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(f"{folder}/{folders.SOCKET}")
    return folder


def _put_a_link(path: Path) -> None:
    path.rename("elsewhere")
    path.symlink_to(Path("elsewhere").absolute())


@pytest.mark.parametrize(
    "change",
    [
        lambda folder, lock: lock.unlink(),
        lambda folder, lock: lock.rename(folder / "lock-of-another-machine"),
        lambda folder, lock: _put_a_link(lock),
        lambda folder, lock: _put_a_link(folder),
        lambda folder, lock: (folder / folders.SOCKET).unlink(),
        lambda folder, lock: _put_a_link(folder / folders.SOCKET),
    ],
    ids=["no lock", "another machine", "linked lock", "link", "no socket", "linked socket"],
)
def test_only_what_is_proven_to_be_dead_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path, Path], object]
) -> None:
    """A folder with anything else in place of its lock or socket stays; nor are links followed."""
    monkeypatch.chdir(tmp_path)
    dead, other = _as_a_run_left_it("stanchion-dead"), _as_a_run_left_it("stanchion-other")
    (dead / "link").symlink_to(tmp_path)
    (lock,) = other.glob("lock-*")
    change(other, lock)
    folders.sweep(tmp_path)
    assert (dead.exists(), other.exists()) == (False, True)
    assert list(other.iterdir())


def test_what_another_user_has_left_is_not_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even by one who may."""
    monkeypatch.chdir(tmp_path)
    dead = _as_a_run_left_it("stanchion-dead")
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: dead.stat().st_uid + 1)
        folders.sweep(tmp_path)
    assert dead.exists()
    folders.sweep(tmp_path)
    assert not dead.exists()

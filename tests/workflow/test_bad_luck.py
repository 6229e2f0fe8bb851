"""Bad luck in mid-run: what is said, what is kept, and how the next run goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project import BIN, ProjectDir, cache_of_programs

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]

SLOW = """\
// A normal mean, computed in a way that takes some seconds a chain.
data {
  int<lower=0> N;
  vector[N] y;
}
parameters {
  real mu;
}
transformed parameters {
  real slow = 0;
  for (i in 1 : 20000) {
    slow += exp(-square(mu - i));
  }
}
model {
  mu ~ normal(0, 10);
  y ~ normal(mu, 1);
}
"""
NO_START = """\
data {
  int<lower=0> N;
  vector[N] y;
}
parameters {
  real mu;
}
model {
  if (mu < 1e9) {
    reject("mu cannot be ", mu);
  }
  y ~ normal(mu, 1);
}
"""
CONFIG = """\
project: luck
seed: 5
datasets:
  points: {path: data/points.json}
models:
  slow: {program: stan/slow.stan}
analyses:
  luck:
    datasets: [points]
    models: [slow]
    methods:
      nuts: {chains: 4, warmup: 100, draws: 400}
"""
DATA = '{"N": 3, "y": [0.1, -0.3, 0.5]}'
FIT = "results/luck/points/slow/nuts"


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> ProjectDir:
    files = {"data/points.json": DATA, "stan/slow.stan": SLOW, "stan/no_start.stan": NO_START}
    own = cache_of_programs(tmp_path / "cache", cache)
    return ProjectDir.make(tmp_path / "project", own, CONFIG, files)


class Run:
    """`stanchion run` in a process group of its own."""

    def __init__(self, project: ProjectDir) -> None:
        self.project = project
        self.process = subprocess.Popen(
            [str(BIN / "stanchion"), "run", "--cores", "2"],
            cwd=project.path,
            env=project.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait_for(self, *paths: str, timeout: float = 180) -> None:
        end = time.monotonic() + timeout
        while not all(any(self.project.path.glob(path)) for path in paths):
            assert time.monotonic() < end and self.process.poll() is None, self.said()
            time.sleep(0.05)

    def said(self) -> str:
        if self.process.poll() is None:
            self.process.kill()
        return self.process.communicate()[0]


@pytest.fixture
def run(project: ProjectDir) -> Iterator[Run]:
    started = Run(project)
    yield started
    if started.process.poll() is None:
        os.killpg(started.process.pid, signal.SIGKILL)
    started.process.wait()


def chain_states(project: ProjectDir) -> dict[str, list[str]]:
    """The states of each chain's attempts, in their order."""
    states: dict[str, list[str]] = {}
    for folder in sorted((project.path / FIT / "records").glob("sample_chain.*")):
        attempts = sorted(folder.glob("*.json"), key=lambda p: int(p.stem.split("-")[1]))
        states[folder.name[-1]] = [json.loads(p.read_text())["state"] for p in attempts]
    return states


def processes(*words: str) -> list[int]:
    """Process ids whose command line holds all these words."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if all(word in line for word in words):
                found.append(int(entry.name))
    return found


def go_on(project: ProjectDir) -> None:
    done = project.stanchion("run", "--cores", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.stale() == set()


def test_killed_sampler_is_started_again(project: ProjectDir, run: Run) -> None:
    """A sampler that is killed once is run again in the same step, and the run succeeds."""
    run.wait_for(".stanchion/tmp/*/chain/chain_2.csv*")
    (sampler,) = processes("id=2", "num_samples=400", str(0)) or processes("id=2", "method=sample")
    os.kill(sampler, signal.SIGKILL)
    said = run.process.communicate(timeout=300)[0]
    assert run.process.returncode == 0, said
    (record,) = (project.path / FIT / "records/sample_chain.2").glob("*.json")
    assert json.loads(record.read_text())["notes"]["starts"] == 2


def test_killed_chain_alone_is_run_again(project: ProjectDir, run: Run) -> None:
    """One step of four killed: the run fails, three chains are kept, the next run makes one."""
    run.wait_for(".stanchion/tmp/*/chain/chain_3.csv*")
    (record,) = (project.path / FIT / "records/sample_chain.3").glob("*.json")
    key = json.loads(record.read_text())["key"]
    for step in processes("stanchion-step", key):
        os.kill(step, signal.SIGKILL)
    said = run.process.communicate(timeout=300)[0]
    assert run.process.returncode == 1, said
    assert "sample_chain.3 luck/points/slow/nuts: ended from outside" in said
    before = chain_states(project)
    assert before["3"] == ["started"]
    assert [before[c] for c in ("1", "2", "4")] == [["done"]] * 3
    go_on(project)
    assert chain_states(project) == {**before, "3": ["started", "done"]}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill-9", "ctrl-c"])
def test_stopped_run_goes_on(project: ProjectDir, run: Run, number: signal.Signals) -> None:
    """After `kill -9` of everything, or Ctrl-C, the same command goes on, and no chain is lost."""
    run.wait_for(f"{FIT}/.keys/sample_chain.*")
    os.killpg(run.process.pid, number)
    run.process.communicate(timeout=60)
    assert run.process.returncode != 0
    end = time.monotonic() + 20
    while processes(str(project.path)) and time.monotonic() < end:
        time.sleep(0.1)
    before = chain_states(project)
    finished = {chain for chain, states in before.items() if "done" in states}
    assert finished
    go_on(project)
    after = chain_states(project)
    assert all(after[chain].count("done") == 1 for chain in finished), after
    assert not list((project.path / FIT).rglob("*.tmp*"))


def test_no_orphan_goes_on_sampling(project: ProjectDir, run: Run) -> None:
    """When Snakemake is killed, its samplers end within seconds."""
    run.wait_for(".stanchion/tmp/*/chain/chain_*.csv*")
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    time.sleep(3)
    executable = next((project.path / ".stanchion/programs").glob("slow-*/model"))
    assert processes(str(executable.relative_to(project.path)), "num_samples=400") == []


def test_second_run_at_once_is_refused(project: ProjectDir, run: Run) -> None:
    """A second run in the same folder is told that one is going on."""
    run.wait_for(".stanchion/tmp/*")
    second = project.stanchion("run")
    assert second.returncode == 1
    assert "another run is going on in this folder" in second.stderr
    assert "Traceback" not in second.stderr


def test_chain_that_fails_to_start_says_the_samplers_words(project: ProjectDir) -> None:
    """A chain that cannot start fails with the sampler's own words; other fits are finished."""
    project.edit(
        "config/config.yaml",
        "  slow: {program: stan/slow.stan}\n",
        "  slow: {program: stan/slow.stan}\n  no_start: {program: stan/no_start.stan}\n",
    )
    project.edit("config/config.yaml", "models: [slow]", "models: [no_start, slow]")
    done = project.stanchion("run", "--cores", "2")
    assert done.returncode == 1
    assert "mu cannot be" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert (project.path / FIT / "diagnostics.json").exists()
    assert not list((project.path / "results").rglob("no_start/nuts/draws.nc"))


def test_missing_compiler_is_one_sentence(project: ProjectDir, tmp_path: Path) -> None:
    """Without g++ the compile step says what to install."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "which", "sh", "env", "make", "git", "uname", "cat", "rm", "cp", "mkdir"):
        found = shutil.which(name)
        if found:
            (tools / name).symlink_to(found)
    shutil.rmtree(project.cache / "steps")
    environment = {**project.environment(), "PATH": str(tools)}
    done = subprocess.run(
        [str(BIN / "stanchion"), "run", "--cores", "2"],
        cwd=project.path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    assert "g++" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system can be mounted by root only")
def test_full_disk_loses_nothing(project: ProjectDir, tmp_path: Path) -> None:
    """No space left: one message, nothing half-written, and the run goes on once there is space."""
    small = project.path / ".stanchion"
    small.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        done = project.stanchion("run", "--cores", "2")
        said = done.stdout + done.stderr
        assert done.returncode == 1, said
        assert "no space left" in said.lower()
        assert "Traceback" not in said
        assert not list((project.path / FIT).rglob("*.csv"))
    finally:
        subprocess.run(["umount", str(small)], check=True)
    go_on(project)

"""One Slurm for all tests of this folder, and projects whose chains take as long as they are told.

One program serves every fit: `work` in a dataset makes its chains slow, or has them refuse, and
`weight` is the memory in MB that they take.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster import slurm
from tests.project import BIN, ProjectDir, cache_of_programs

LIMIT = 300
"""Seconds after which no run of these tests goes on."""
HEAVY = 600
"""Megabytes that a chain of a heavy dataset takes."""
PROGRAM = """\
// A normal mean; a gradient takes as much time as `work` asks for, and less than none refuses.
data {
  int<lower=0> N;
  vector[N] y;
  int work;
  int<lower=0> weight; // MB
}
transformed data {
  vector[131072 * weight] ballast = rep_vector(1, 131072 * weight);
}
parameters {
  real mu;
}
transformed parameters {
  real spent = 0;
  for (i in 1 : work) {
    spent += exp(-square(mu - i));
  }
}
model {
  if (work < 0) {
    reject("mu cannot be ", mu);
  }
  mu ~ normal(0, 10);
  y ~ normal(mu, 1);
}
"""
CONFIG = """\
project: cluster
seed: 7
datasets:
{datasets}
models:
  mean: {{program: stan/mean.stan, parameters: [mu]}}
analyses:
  means:
    datasets: [{names}]
    models: [mean]
    methods:
      nuts: {{chains: {chains}, warmup: 200, draws: 400}}
    checks: {{on_fail: flag}}
"""
IMPATIENT = ("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "5")


@pytest.fixture(scope="module")
def cluster() -> Iterator[slurm.Slurm]:
    """A Slurm of two nodes, ended after the tests; a skip that says why where there can be none.

    A machine can have one: tests in another process wait for its end.
    """
    with (Path(tempfile.gettempdir()) / "stanchion-tests-slurm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        reason = slurm.reason_not_to()
        if reason is not None:
            pytest.skip(reason)
        with slurm.running() as started:
            yield started


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> ProjectDir:
    """A project whose program is compiled, which is done once for all tests."""
    project = lay_out(tmp_path_factory.mktemp("compiled") / "project", cache, {"quick": 0})
    project.run("--until", "compile_program")
    return project


@dataclass
class Submitted:
    """A run on the cluster, in a process group of its own."""

    project: ProjectDir
    process: subprocess.Popen[str]
    log: Path

    def kill(self) -> None:
        """End the submitting process and what it started here, at once."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def output(self) -> str:
        """Return what was printed, once the run has ended."""
        self.process.wait(timeout=LIMIT)
        return self.so_far()

    def so_far(self) -> str:
        """Return what has been printed."""
        return self.log.read_text()


Submit = Callable[..., Submitted]


@pytest.fixture(scope="module")
def submit(cluster: slurm.Slurm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Submit]:
    """Return a function that starts a run on the cluster, under a time limit."""
    started: list[Submitted] = []
    folder = tmp_path_factory.mktemp("said")

    def start(project: ProjectDir, *command: str) -> Submitted:
        log = folder / f"{len(started)}.txt"
        with log.open("w") as file:
            process = subprocess.Popen(
                ["timeout", "-k", "5", str(LIMIT), str(BIN / command[0]), *command[1:], *IMPATIENT],
                cwd=project.path,
                env=project.environment(),
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        started.append(Submitted(project, process, log))
        return started[-1]

    yield start
    for run in started:
        run.kill()


@pytest.fixture(scope="module")
def make(
    tmp_path_factory: pytest.TempPathFactory, compiled: ProjectDir
) -> Callable[..., ProjectDir]:
    """Return a function that lays out a project of datasets with this much work each."""

    def made(chains: int = 2, heavy: Collection[str] = (), **work: int) -> ProjectDir:
        folder = tmp_path_factory.mktemp("cluster")
        ours = cache_of_programs(folder / "cache", compiled.cache)
        project = lay_out(folder / "project", ours, work, chains, heavy)
        programs = ".stanchion/programs"
        shutil.copytree(compiled.path / programs, project.path / programs)
        return project

    return made


def lay_out(
    folder: Path,
    cache: Path,
    work: dict[str, int],
    chains: int = 2,
    heavy: Collection[str] = (),
) -> ProjectDir:
    """Lay out a project with a fit for each dataset, of which some take much memory."""
    datasets = "\n".join(f"  {name}: {{path: data/{name}.json}}" for name in work)
    config = CONFIG.format(datasets=datasets, names=", ".join(work), chains=chains)
    data = {
        f"data/{name}.json": json.dumps(
            {"N": 3, "y": [0.1, -0.3, 0.5], "work": amount, "weight": HEAVY * (name in heavy)}
        )
        for name, amount in work.items()
    }
    return ProjectDir.make(folder, cache, config, {"stan/mean.stan": PROGRAM, **data})


def twin(project: ProjectDir, folder: Path) -> ProjectDir:
    """Return the same project elsewhere, as it was before any run, with a cache of its own."""
    for name in ("config", "data", "stan", "workflow", ".stanchion/programs"):
        shutil.copytree(project.path / name, folder / "project" / name)
    shutil.copy(project.path / "Snakefile", folder / "project")
    (folder / "project/profiles").symlink_to("workflow/profiles")
    programs = (project.cache / "steps/compile_program").resolve().parents[1]
    return ProjectDir(folder / "project", cache_of_programs(folder / "cache", programs))

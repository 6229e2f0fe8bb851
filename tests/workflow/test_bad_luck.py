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
from typing import Any

import pytest

from stanchion.stan.states import iterations_in
from tests.project import BIN, ProjectDir, cache_of_programs
from tests.workflow.slow import DATA, SLOW, declared

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]

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
CONFIG = declared("chains: 4, warmup: 100, draws: 400")
FIT = "results/luck/points/slow/nuts"


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> ProjectDir:
    files = {"data/points.json": DATA, "stan/slow.stan": SLOW, "stan/no_start.stan": NO_START}
    ours = cache_of_programs(tmp_path / "cache", cache)
    return ProjectDir.make(tmp_path / "project", ours, CONFIG, files)


class Run:
    """`stanchion run` in a process group of its own."""

    def __init__(self, project: ProjectDir, *command: str) -> None:
        self.project = project
        program, *arguments = command or ("stanchion", "run", "--cores", "2")
        self.process = subprocess.Popen(
            [str(BIN / program), *arguments],
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
            assert time.monotonic() < end and self.process.poll() is None, self.output()
            time.sleep(0.05)

    def output(self) -> str:
        if self.process.poll() is None:
            self.process.kill()
        return self.process.communicate()[0]


@pytest.fixture
def long_run(project: ProjectDir) -> Iterator[Run]:
    """A run that does not end before a test has looked at it."""
    project.edit("config/config.yaml", "draws: 400", "draws: 400000")
    yield from started_run(project)


@pytest.fixture
def run(project: ProjectDir) -> Iterator[Run]:
    yield from started_run(project)


def started_run(project: ProjectDir) -> Iterator[Run]:
    started = Run(project)
    yield started
    if started.process.poll() is None:
        os.killpg(started.process.pid, signal.SIGKILL)
    started.process.wait()


def chain_states(project: ProjectDir) -> dict[str, list[str]]:
    """The states of each chain's attempts, in their order.

    "from its end" is one that had the last state of a chain, and nothing to sample: after `kill -9`
    between the key file and the cache's entry.
    """
    states: dict[str, list[str]] = {}
    for folder in sorted((project.path / FIT / "records").glob("sample_chain.*")):
        paths = sorted(folder.glob("*.json"), key=lambda p: int(p.stem.split("-")[1]))
        states[folder.name[-1]] = [state_of(json.loads(path.read_text())) for path in paths]
    return states


def state_of(attempt: dict[str, Any]) -> str:
    start = attempt.get("notes", {}).get("resumed", {}).get("at_iteration")
    at_end = start is not None and start == iterations_in(attempt["notes"]["command"])
    return "from its end" if at_end else str(attempt["state"])


def processes(project: ProjectDir, *words: str) -> list[int]:
    """Ids of the processes that work in the project and have all these words in their command."""
    results = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(project.path):
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
                if all(word in line for word in words):
                    results.append(int(entry.name))
        except OSError:
            continue
    return results


def halt(project: ProjectDir) -> list[int]:
    """Stop both samplers, so that they take no processor from what is looked at meanwhile."""
    end = time.monotonic() + 180
    while len(samplers := processes(project, "method=sample")) < 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    for sampler in samplers:
        os.kill(sampler, signal.SIGSTOP)
    return samplers


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def go_on(project: ProjectDir) -> None:
    completed = project.stanchion("run", "--cores", "2")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert project.stale() == set()


def test_killed_sampler_is_started_again(project: ProjectDir, run: Run) -> None:
    """A sampler that is killed once is run again in the same step, and the run succeeds."""
    run.wait_for(".stanchion/tmp/*/chain/chain_2.csv*")
    (sampler,) = processes(project, "id=2", "num_samples=400")
    os.kill(sampler, signal.SIGKILL)
    output = run.process.communicate(timeout=300)[0]
    assert run.process.returncode == 0, output
    (record,) = (project.path / FIT / "records/sample_chain.2").glob("*.json")
    assert json.loads(record.read_text())["notes"]["starts"] == 2


def test_killed_chain_alone_is_run_again(project: ProjectDir, run: Run) -> None:
    """One step of four killed: the run fails, three chains are kept, the next run makes one."""
    run.wait_for(".stanchion/tmp/*/chain/chain_3.csv*")
    (record,) = (project.path / FIT / "records/sample_chain.3").glob("*.json")
    key = json.loads(record.read_text())["key"]
    for sampler in processes(project, f"{key[:12]}-", "chain_3.csv"):
        os.kill(parent_of(sampler), signal.SIGKILL)
    output = run.process.communicate(timeout=300)[0]
    assert run.process.returncode == 1, output
    assert "sampling chain 3 of luck/points/slow/nuts: ended from outside" in output
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
    while processes(project) and time.monotonic() < end:
        time.sleep(0.1)
    before = chain_states(project)
    finished = {chain for chain, states in before.items() if "done" in states}
    assert finished
    go_on(project)
    after = chain_states(project)
    assert all(after[chain].count("done") == 1 for chain in finished), after
    if number == signal.SIGINT:
        assert all("from its end" not in after[chain] for chain in finished), after
    assert not list((project.path / FIT).rglob("*.tmp*"))


def test_no_orphan_goes_on_sampling(project: ProjectDir, run: Run) -> None:
    """When Snakemake is killed, its samplers end within seconds."""
    run.wait_for(".stanchion/tmp/*/chain/chain_*.csv*")
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    end = time.monotonic() + 10
    while processes(project) and time.monotonic() < end:
        time.sleep(0.1)
    assert processes(project) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["sigterm", "sigint"]
)
def test_signal_to_the_main_process_ends_all(
    project: ProjectDir, run: Run, number: signal.Signals, code: int
) -> None:
    """As by `docker stop` or systemd: its samplers end, then the run, which says by what."""
    run.wait_for(".stanchion/tmp/*/chain/chain_*.csv*")
    os.kill(run.process.pid, number)
    output = run.process.communicate(timeout=40)[0]
    assert processes(project) == []
    assert run.process.returncode == code, output
    assert f"stopped by {number.name}\n  do:       finished steps are kept" in output
    assert "Traceback" not in output
    assert not list(project.path.glob(".stanchion/tmp/*"))
    assert {state[-1] for state in chain_states(project).values()} <= {"done", "failed"}


def test_second_run_at_once_is_refused(project: ProjectDir, long_run: Run) -> None:
    """While `stanchion run` goes on, it and plain `snakemake` are refused; who looks is not."""
    halt(project)
    for second in (project.stanchion("run"), project.snakemake()):
        output = second.stdout + second.stderr
        assert second.returncode == 1
        assert (
            f"another run is going on in this folder (process {long_run.process.pid} on" in output
        )
        assert "Traceback" not in output
    for looking in (("-n",), ("--summary",)):
        completed = project.snakemake(*looking)
        assert completed.returncode == 0, completed.stderr
    assert long_run.process.poll() is None


def test_run_beside_plain_snakemake_is_refused(project: ProjectDir) -> None:
    """While plain `snakemake` goes on, `stanchion run` is refused; after its kill nothing is."""
    plain = Run(project, "snakemake", "--cores", "2", "--quiet", "all")
    try:
        plain.wait_for(".stanchion/tmp/*/chain/chain_*.csv*")
        second = project.stanchion("run")
        assert second.returncode == 1
        assert f"another run is going on in this folder (process {plain.process.pid} on" in (
            second.stderr
        )
    finally:
        os.killpg(plain.process.pid, signal.SIGKILL)
        plain.process.wait()
    assert list(project.path.glob(".snakemake/locks/*"))
    completed = project.snakemake("--until", "prepare_data")
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_chain_beyond_its_time_limit_is_ended(project: ProjectDir) -> None:
    """A declared time limit ends a chain with a sentence; without it the chain runs as before."""
    limited = "nuts: {chains: 4, time_limit: 1s, "
    project.edit("config/config.yaml", "nuts: {chains: 4, ", limited)
    project.edit("config/config.yaml", "draws: 400", "draws: 40000")
    completed = project.stanchion("run", "--cores", "2")
    output = completed.stdout + completed.stderr
    assert completed.returncode == 1, output
    assert "chain 4 was ended: it did not finish within its time limit of 1s" in output
    assert "Traceback" not in output and processes(project) == []


def test_odd_names_and_times_to_come(project: ProjectDir) -> None:
    """Names that Snakemake takes for patterns and times in the future are no fault of a run."""
    odd = "a" * 200
    for name in ("data/{model}.json", "data/<results>.json", f"data/{odd}.json"):
        project.write(name, DATA)
    project.write(f"stan/{odd}.stan", SLOW)
    text = (project.path / "config/config.yaml").read_text()
    text = text.replace(
        "  points: {path: data/points.json}\n",
        "  points: {path: 'data/{model}.json'}\n"
        "  angles: {path: 'data/<results>.json'}\n"
        f"  many: {{path: data/{odd}.json}}\n",
    )
    text = text.replace("stan/slow.stan", f"stan/{odd}.stan")
    text = text.replace("datasets: [points]", "datasets: [points, angles, many]")
    text = text.replace("chains: 4, warmup: 100, draws: 400", "chains: 1, warmup: 20, draws: 100")
    text = text.replace("    methods:", "    checks: {on_fail: flag}\n    methods:")
    project.write("config/config.yaml", text)
    years = time.time() + 3e8
    for path in (*(project.path / "data").iterdir(), *(project.path / "stan").iterdir()):
        os.utime(path, (years, years))
    go_on(project)
    assert len(list(project.path.glob("results/luck/*/slow/nuts/summary.csv"))) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="a read-only file system is mounted by root only")
def test_results_that_may_not_be_written_are_a_sentence(project: ProjectDir) -> None:
    """On a read-only results folder the run ends with the place, the reason and what to do."""
    results = project.path / "results"
    results.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(results)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        completed = project.stanchion("run", "--cores", "2")
    finally:
        subprocess.run(["umount", str(results)], check=True)
    output = completed.stdout + completed.stderr
    assert completed.returncode == 1
    assert output.startswith("results: this folder may not be written\n  do:       give yourself")


def test_chain_that_fails_to_start_says_the_samplers_words(project: ProjectDir) -> None:
    """A chain that cannot start fails with the sampler's own words; other fits are finished."""
    project.edit(
        "config/config.yaml",
        "  slow: {program: stan/slow.stan}\n",
        "  slow: {program: stan/slow.stan}\n  no_start: {program: stan/no_start.stan}\n",
    )
    project.edit("config/config.yaml", "models: [slow]", "models: [no_start, slow]")
    completed = project.stanchion("run", "--cores", "2")
    assert completed.returncode == 1
    assert "mu cannot be" in completed.stdout + completed.stderr
    assert "Traceback" not in completed.stdout + completed.stderr
    assert (project.path / FIT / "diagnostics.json").exists()
    assert not list((project.path / "results").rglob("no_start/nuts/draws.nc"))


def test_missing_compiler_is_one_sentence(project: ProjectDir, tmp_path: Path) -> None:
    """Without g++ the compile step says what to install."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "which", "sh", "env", "make", "git", "uname", "cat", "rm", "cp", "mkdir"):
        result = shutil.which(name)
        if result:
            (tools / name).symlink_to(result)
    shutil.rmtree(project.cache / "steps")
    environment = {**project.environment(), "PATH": str(tools)}
    completed = subprocess.run(
        [str(BIN / "stanchion"), "run", "--cores", "2"],
        cwd=project.path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert completed.returncode == 1
    assert "g++" in completed.stdout + completed.stderr
    assert "Traceback" not in completed.stdout + completed.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system can be mounted by root only")
@pytest.mark.parametrize("full", [".stanchion", "logs", ".", "the cache"])
def test_full_disk_loses_nothing(project: ProjectDir, full: str, tmp_path: Path) -> None:
    """No space left: one message, nothing half-written, and the run goes on once there is space."""
    folder = project.cache / "steps/sample_chain" if full == "the cache" else project.path / full
    folder.mkdir(parents=True, exist_ok=True)
    size = {".stanchion": "2m", ".": "3m"}.get(full, "16k")
    path = tmp_path / "kept"
    shutil.copytree(folder, path, symlinks=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        shutil.copytree(path, folder, symlinks=True, dirs_exist_ok=True)
        completed = project.stanchion("run", "--cores", "2", timeout=240)
        output = completed.stdout + completed.stderr
        assert "no space left" in output.lower()
        assert "Traceback" not in output and "internal error" not in output
        assert not [p for p in (project.path / "results").rglob("*.json") if not p.stat().st_size]
        if full == "the cache":
            assert completed.returncode == 0, output
            assert "not kept in the cache" in output
        elif full != "logs":
            assert completed.returncode == 1, output
            assert not list((project.path / FIT).rglob("*.csv"))
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    go_on(project)

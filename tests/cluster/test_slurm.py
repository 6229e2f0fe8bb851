"""Runs on a real Slurm of two nodes, and what may befall them there."""

from __future__ import annotations

import json
import os
import signal
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Submit, Submitted, twin
from tests.cluster.slurm import NODES, Slurm
from tests.project import ProjectDir

pytestmark = [pytest.mark.cluster, pytest.mark.stan, pytest.mark.snakemake]

RUN = ("stanchion", "run", "--profile", "slurm", "--")
PLAIN = ("snakemake", "--workflow-profile", "workflow/profiles/slurm")
SLOW = 25000
"""Work that takes a chain some seconds."""
Make = Callable[..., ProjectDir]
Records = dict[str, list[dict[str, Any]]]


def records(project: ProjectDir) -> Records:
    """Each step's attempts in their order, by its folder below results.

    The copies of programs' records that lie with the results are not attempts.
    """
    result: Records = defaultdict(list)
    ours = [p for p in project.records() if not p.parent.name.startswith("compile_program.")]
    for path in sorted(ours, key=lambda p: int(p.stem.split("-")[1])):
        result[str(path.parent.relative_to(project.path))].append(json.loads(path.read_text()))
    return dict(result)


def chains(project: ProjectDir, dataset: str) -> Records:
    """The attempts at each chain of a dataset's fit, by the chain's number."""
    folder = f"results/means/{dataset}/mean/nuts/records/sample_chain."
    return {n.removeprefix(folder): r for n, r in records(project).items() if n.startswith(folder)}


def states(attempts: list[dict[str, Any]]) -> list[str]:
    return [attempt["state"] for attempt in attempts]


def started(project: ProjectDir, dataset: str) -> dict[str, dict[str, Any]]:
    """The first attempt at each chain that has begun to write draws."""
    begun = {}
    for chain, attempts in chains(project, dataset).items():
        staged = f".stanchion/tmp/{attempts[0]['key'][:12]}-*/chain/*"
        if attempts[0]["state"] != "started" or any(project.path.glob(staged)):
            begun[chain] = attempts[0]
    return begun


def assert_finished(run: Submitted, code: int = 0) -> str:
    output = run.output()
    assert run.process.returncode == code, output
    assert run.project.stale() == set()
    return output


def assert_same_draws(project: ProjectDir, other: ProjectDir) -> None:
    paths = sorted((project.path / "results").rglob("draws.nc"))
    assert paths
    for path in (p.with_name(name) for p in paths for name in ("draws.nc", "summary.csv")):
        assert path.read_bytes() == (other.path / path.relative_to(project.path)).read_bytes()


@pytest.fixture(scope="module")
def cancelled(cluster: Slurm, make: Make, submit: Submit) -> tuple[ProjectDir, str]:
    """A project of two fits, run on the cluster with one chain's job cancelled in mid-run."""
    project = make(quick=0, slow=SLOW)
    run = submit(project, *RUN)
    cluster.wait_until(lambda: "2" in started(project, "slow"), "chain 2 is running", 120)
    cluster.ask("scancel", started(project, "slow")["2"]["scheduler"]["job"])
    return project, assert_finished(run)


def test_run_uses_both_nodes(cancelled: tuple[ProjectDir, str]) -> None:
    """Chains run on both nodes, a fit's light steps as one job, and records name node and job."""
    project, output = cancelled
    result = records(project)
    sampled = [r for name, rs in result.items() if "/sample_chain." in name for r in rs]
    assert {record["host"] for record in sampled} == set(NODES), output
    assert len({record["run"] for record in sampled}) == 1
    for dataset in ("quick", "slow"):
        folder = f"results/means/{dataset}/mean/nuts/records"
        steps = ("collect_draws", "diagnose_fit")
        jobs = {result[f"{folder}/{step}"][-1]["scheduler"]["job"] for step in steps}
        assert len(jobs) == 1
    assert result["results/means/records/check_verdicts"][-1]["scheduler"] is None
    assert "sampled chain" not in output, "a pipe gets no line a step"


def test_draws_are_those_of_a_run_on_this_machine(
    cancelled: tuple[ProjectDir, str], tmp_path: Path
) -> None:
    """Draws and summaries are byte for byte those of a run on two cores, without Slurm."""
    local = twin(cancelled[0], tmp_path)
    local.run()
    assert_same_draws(cancelled[0], local)


def test_cancelled_chain_alone_is_run_again(cancelled: tuple[ProjectDir, str]) -> None:
    """A chain whose job is cancelled is sampled again, nothing else is, and the run succeeds."""
    project, output = cancelled
    twice = {name: states(rs) for name, rs in records(project).items() if len(rs) > 1}
    assert list(twice) == ["results/means/slow/mean/nuts/records/sample_chain.2"], output
    assert twice.popitem()[1] in (["failed", "done"], ["started", "done"])
    words = "sampling chain 2 of means/slow/mean/nuts failed\nended by Slurm, which says CANCELLED"
    assert output.count(words) == 1, "live, and not in the closing summary: it has succeeded since"


def test_dead_node_loses_its_chain_only(
    cluster: Slurm, make: Make, submit: Submit, cancelled: tuple[ProjectDir, str]
) -> None:
    """A node that dies in mid-chain costs that chain, and its orphan, back late, harms nothing."""
    project = make(slow=SLOW)
    run = submit(project, *RUN)
    cluster.wait_until(lambda: len(started(project, "slow")) == 2, "both chains run", 120)
    lost, record = next(c for c in started(project, "slow").items() if c[1]["host"] == "node2")
    cluster.kill_node("node2")
    orphans = processes_of(project, record["key"])
    for pid in orphans:
        os.kill(pid, signal.SIGSTOP)
    try:
        assert_finished(run)
        before = {p: p.read_bytes() for p in (project.path / "results").rglob("*.*") if p.is_file()}
    finally:
        for pid in orphans:
            os.kill(pid, signal.SIGCONT)
    cluster.wait_until(
        lambda: not processes_of(project, record["key"]), "the orphan has ended", 120
    )
    cluster.start_node("node2")
    assert states(chains(project, "slow")[lost]) == ["superseded", "done"]
    others = [rs for name, rs in records(project).items() if f"sample_chain.{lost}" not in name]
    assert all(len(attempts) == 1 for attempts in others)
    for path, content in before.items():
        assert path.read_bytes() == content or "records" in path.parts, path
    assert not list((project.path / "results").rglob("chain_*.csv"))
    assert project.stale() == set()
    assert_same_draws(project, cancelled[0])


def test_killed_submitter_goes_on_where_it_was(cluster: Slurm, make: Make, submit: Submit) -> None:
    """After `kill -9` of the submitting process the same command goes on; no chain is lost."""
    project = make(quick=0, slow=2 * SLOW)
    run = submit(project, *RUN)

    def in_the_middle() -> bool:
        ended = [rs for rs in chains(project, "quick").values() if states(rs) == ["done"]]
        return bool(ended) and bool(started(project, "slow"))

    cluster.wait_until(in_the_middle, "a chain has ended and another runs", 120)
    run.kill()
    remaining = chains(project, "slow")
    assert any(states(attempts) == ["started"] for attempts in remaining.values())
    output = assert_finished(submit(project, *RUN))
    assert "waiting for jobs of an earlier run" in output
    for dataset in ("quick", "slow"):
        for attempts in chains(project, dataset).values():
            assert states(attempts) == ["done"], output


def test_failed_job_says_the_samplers_words(make: Make, submit: Submit) -> None:
    """A chain that fails on a node shows the sampler's own last words in the terminal."""
    once = ("--retries", "0")
    runs = [submit(make(chains=1, bad=-1), *command, *once) for command in (RUN, PLAIN)]
    for run in runs:
        output = run.output()
        assert run.process.returncode == 1, output
        assert "mu cannot be" in output
        assert "its last words" in output
        assert "Traceback" not in output


def processes_of(project: ProjectDir, key: str) -> list[int]:
    """The processes of the step with this key, and of its sampler, in this project."""
    return [pid for pid in _processes(project.path) if key[:12] in _command(pid)]


def _processes(folder: Path) -> list[int]:
    results = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == folder:
                results.append(int(entry.name))
        except OSError:
            continue
    return results


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""

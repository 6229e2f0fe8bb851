"""Chains go on from their saved states: after a kill, in the next time limit, for more draws."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from stanchion.stan.states import FOLDER, STATE, ChainState
from stanchion.stan.toolchain import find
from tests.project import ProjectDir, cache_of_programs
from tests.workflow.slow import DATA, SLOW, declared
from tests.workflow.test_bad_luck import Run

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]

CONFIG = declared("chains: 2, warmup: 150, draws: 400, checkpoint: 0.2", "keep: [csv]")
FIT = Path("results/luck/points/slow/nuts")
SHORT, LONG = "draws: 400", "draws: 900"


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    if find().origin != "wheel":
        pytest.skip("states are saved by Stanchion's own driver, and another CmdStan is in use")
    return cache_of_programs(tmp_path_factory.mktemp("states") / "cache", cache)


def make(folder: Path, cache: Path, *edits: tuple[str, str]) -> ProjectDir:
    """Make the project with a cache of results of its own."""
    files = {"data/points.json": DATA, "stan/slow.stan": SLOW}
    project = ProjectDir.make(
        folder / "project", cache_of_programs(folder / "own", cache), CONFIG, files
    )
    for old, new in edits:
        project.edit("config/config.yaml", old, new)
    return project


def run(project: ProjectDir) -> None:
    completed = project.stanchion("run", "--cores", "2")
    assert completed.returncode == 0, completed.stdout + completed.stderr


def rows(project: ProjectDir) -> list[list[bytes]]:
    """Return the names and the rows of each chain's CSV, as their bytes."""
    return [
        [line for line in path.read_bytes().splitlines() if line and not line.startswith(b"#")]
        for path in sorted((project.path / FIT / "chains").glob("*.csv"))
    ]


def notes(project: ProjectDir) -> list[dict[str, Any]]:
    """Return what the last record of each chain notes."""
    results = []
    for folder in sorted((project.path / FIT / "records").glob("sample_chain.*")):
        contents = [json.loads(path.read_text()) for path in folder.glob("*.json")]
        results.append(max(contents, key=lambda content: content["started"])["notes"])
    return results


def states(project: ProjectDir) -> list[Path]:
    return [path.parent for path in (project.cache / FOLDER).glob(f"*/*/{STATE}")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, caches: Path) -> dict[str, Any]:
    """The rows of chains that never saved a state, by their declared draws."""
    results = {}
    for draws in (SHORT, LONG):
        folder = tmp_path_factory.mktemp("undisturbed")
        project = make(folder, caches, (SHORT, draws), ("checkpoint: 0.2", "checkpoint: 0"))
        run(project)
        assert states(project) == []
        results[draws] = rows(project)
    return results


@pytest.mark.parametrize(
    ("number", "interval"),
    [(signal.SIGKILL, "0.2"), (signal.SIGINT, "86400"), (signal.SIGTERM, "86400")],
    ids=["kill-9", "ctrl-c", "scheduler"],
)
def test_a_stopped_chain_goes_on(
    tmp_path: Path, caches: Path, undisturbed: dict[str, Any], number: signal.Signals, interval: str
) -> None:
    """After `kill -9`, or a signal to all processes that asks to end, chains go on.

    A signal saves a state though none was due; Ctrl-C and a scheduler's reach the sampler as well
    as its step.
    """
    project = make(tmp_path, caches, ("checkpoint: 0.2", f"checkpoint: {interval}"))
    started = Run(project)
    if number == signal.SIGKILL:
        end = time.monotonic() + 120
        while len(states(project)) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.3)
    else:
        started.wait_for(
            ".stanchion/tmp/*/chain/chain_1.csv*", ".stanchion/tmp/*/chain/chain_2.csv*"
        )
        time.sleep(1)
    os.killpg(started.process.pid, number)
    started.process.communicate(timeout=60)
    assert started.process.returncode != 0
    saved = [ChainState(folder).position() for folder in states(project)]
    assert len(saved) == 2 and all(position is not None for position in saved)
    run(project)
    assert rows(project) == undisturbed[SHORT]
    for note in notes(project):
        assert 0 < note["resumed"]["at_iteration"] < 550
        assert note["resumed"]["extends"] is None
    assert project.stale() == set()


def test_a_finished_chain_is_extended_and_cut(
    tmp_path: Path, caches: Path, undisturbed: dict[str, Any]
) -> None:
    """More draws are added to those there are, fewer are cut from more: the bytes of either."""
    project = make(tmp_path, caches)
    run(project)
    assert rows(project) == undisturbed[SHORT]
    first = {
        record.parent.name: json.loads(record.read_text())["key"] for record in project.records()
    }
    project.edit("config/config.yaml", SHORT, LONG)
    run(project)
    assert rows(project) == undisturbed[LONG]
    for chain, note in enumerate(notes(project), start=1):
        assert note["resumed"]["at_iteration"] == 550
        assert note["resumed"]["extends"] == first[f"sample_chain.{chain}"]
    project.edit("config/config.yaml", LONG, SHORT)
    shutil.rmtree(project.cache / "steps/sample_chain" / first["sample_chain.1"][:2])
    run(project)
    assert rows(project) == undisturbed[SHORT]
    assert notes(project)[0]["cut_from"]["draws"] == 900
    head = (project.path / FIT / "chains/chain_1.csv").read_text().splitlines()
    assert "#     num_samples = 400" in head
    assert project.stale() == set()


def test_a_time_limit_leaves_a_state(
    tmp_path: Path, caches: Path, undisturbed: dict[str, Any]
) -> None:
    """A chain that is ended by its time limit goes on from there in the next run."""
    limit = ("checkpoint: 0.2", "checkpoint: 86400, time_limit: 1s")
    project = make(tmp_path, caches, limit, (SHORT, LONG))
    completed = project.stanchion("run", "--cores", "2")
    assert completed.returncode == 1
    assert "time limit of 1s" in completed.stdout + completed.stderr
    before = [ChainState(folder).position() for folder in states(project)]
    assert len(before) == 2
    project.edit("config/config.yaml", ", time_limit: 1s", "")
    run(project)
    assert rows(project) == undisturbed[LONG]
    resumed = {note["resumed"]["at_iteration"] for note in notes(project)}
    assert resumed == {position.iteration for position in before if position is not None}

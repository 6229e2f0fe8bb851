"""A table that a person's own script makes, the whole way; a model with an exact posterior."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.project import BIN, ROOT, ProjectDir, cache_of_programs
from tests.versions import WRITER, git
from tests.workflow.conftest import PROGRAM

CONFIG = """\
seed: 11
datasets:
  clean:
    script: scripts/clean.py
    sources: [scripts/units.py]
    inputs: [data/raw.csv]
    lock: scripts/clean.lock
    settings: {upper: 100}
    columns: {c: {type: real}}
models:
  mean: {conjugate: {family: normal, y: c, sd: 1, prior: {mean: 0, sd: 10}}}
analyses:
  centre: &analysis
    datasets: [clean]
    models: [mean]
    methods: {conjugate: {}}
  again: *analysis
"""
CLEAN = """\
import argparse, csv, json, os
from units import celsius
open(MARKER, "a").write("ran ")
parser = argparse.ArgumentParser()
parser.add_argument("--inputs", nargs="+")
parser.add_argument("--settings")
parser.add_argument("--output")
words = parser.parse_args()
upper = json.load(open(words.settings))["upper"]
values = [float(row["f"]) for row in csv.DictReader(open(words.inputs[0]))]
with open(words.output, "w") as table:
    print("c", file=table)
    for value in values:
        if value < upper:
            print(celsius(value) + os.path.getsize(MARKER) / 4000, file=table)
print("left out", sum(value >= upper for value in values))
"""
FAHRENHEIT = (32.9, 33.8, 31.1, 140.0, 35.6, 32.0)
WAITS = """\
import os, signal, subprocess, sys, time
child = "import signal, time; signal.signal(2, 1); signal.signal(15, 1); time.sleep(300)"
process = subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
signal.signal(signal.SIGINT, signal.SIG_IGN)
open("table.csv", "w").write("c\\n1\\n")
with open(MARKER + ".new", "w") as file:
    file.write(f"{os.getpid()} {process.pid}")
os.rename(MARKER + ".new", MARKER)
time.sleep(300)
"""
TABLE = "results/centre/clean/table.csv"


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> ProjectDir:
    """A project whose script says by a file beside it that it has run; a cache of its own."""
    own = cache_of_programs(tmp_path / "cache", cache)
    files = {
        "scripts/clean.py": CLEAN.replace("MARKER", repr(str(tmp_path / "ran"))),
        "scripts/units.py": "def celsius(f):\n    return (f - 32) / 1.8\n",
        "scripts/clean.lock": f"numpy=={version('numpy')}\n",
        "data/raw.csv": "f\n" + "".join(f"{value}\n" for value in FAHRENHEIT),
        ".gitignore": (ROOT / ".gitignore").read_text(),
    }
    return ProjectDir.make(tmp_path / "project", own, CONFIG, files)


def succeeds(project: ProjectDir, *words: str) -> str:
    completed = project.stanchion(*words)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


def run(project: ProjectDir) -> set[str]:
    """Run, and return what ran."""
    before = project.records()
    succeeds(project, "run", "--cores", "1")
    return project.ran(before)


def mean_of(project: ProjectDir) -> float:
    with (project.path / "results/centre/clean/mean/conjugate/summary.csv").open() as file:
        (row,) = csv.DictReader(file)
    return float(row["mean"])


def mean_after(runs: int) -> object:
    """Return the posterior mean by the table of a run of the script, each of which adds 0.001."""
    kept = [(value - 32) / 1.8 + runs / 1000 for value in FAHRENHEIT if value < 100]
    return pytest.approx(sum(kept) / (len(kept) + 1 / 100), abs=1e-9)


@pytest.mark.snakemake
def test_a_table_by_a_script_is_a_dataset_like_any(project: ProjectDir, tmp_path: Path) -> None:
    """Nothing runs it but a run, once for both analyses; what it is made from makes it anew.

    An edit of a column's rule does not. What it writes into the project in mid-run changes nothing
    of that run. A script that fails leaves no table. The chain of custody holds from the raw rows.
    Where it gives other bytes than before, nothing of the earlier ones is reused.
    """
    marker = tmp_path / "ran"
    assert "the table of dataset clean is not made yet" in succeeds(project, "check")
    assert not marker.exists()
    assert {"make_table", "prepare_data.mean", "write_report"} <= run(project)
    assert marker.read_text() == "ran "
    assert mean_of(project) == mean_after(1)
    log = (project.path / "logs/centre/clean/make_table.log").read_text()
    assert "left out 1" in log
    page = (project.path / "results/centre/report.html").read_text()
    for name in (TABLE, "data/raw.csv", "scripts/units.py", "Made by a script"):
        assert name in page
    assert run(project) == set()
    assert "note:" not in succeeds(project, "check")

    project.edit("config/config.yaml", "type: real", "type: real, lower: -50")
    assert "make_table" not in (ran := run(project))
    assert "prepare_data.mean" in ran
    assert marker.read_text() == "ran "

    git("init", "--quiet", "--initial-branch", "main", str(project.path))
    for name, value in WRITER.items():
        git("config", name, value, folder=project.path)
    git("add", "--all", folder=project.path)
    git("commit", "--quiet", "--message", "Declare", folder=project.path)
    succeeds(project, "track", "--commit")
    verified = succeeds(project, "verify")
    assert "centre: intact" in verified
    assert "again: intact" in verified
    record = next((project.path / "results/centre/clean/records/make_table").glob("*.json"))
    assert json.loads(record.read_text())["notes"]["runs"][0]["same_bytes"] is False

    shutil.rmtree(project.path / "results")
    assert (project.path / "data/raw.csv").exists()
    run(project)
    assert marker.read_text() == "ran "  # the cache holds it

    shutil.rmtree(project.cache / "steps/make_table")
    for analysis in ("centre", "again"):
        (project.path / f"results/{analysis}/clean/table.csv").unlink()
    assert "collect_draws" in run(project)
    assert marker.read_text() == "ran ran "
    assert mean_of(project) == mean_after(2)

    into = f"open({str(project.path / 'data/raw.csv')!r}, 'a').write('32.0\\n')\n"
    script = (project.path / "scripts/clean.py").read_text()
    project.write("scripts/clean.py", script.replace("parser = ", into + "parser = "))
    assert "make_table" in run(project)
    assert mean_of(project) == mean_after(3)
    shown = project.stanchion("diff", "HEAD").stdout
    assert "clean, made from data/raw.csv" in shown
    assert "clean, made from scripts/clean.py" in shown

    project.write("scripts/clean.py", script.replace('print("c", file', 'print("d", file'))
    project.edit("config/config.yaml", "upper: 100", "upper: 90")
    failed = project.stanchion("run", "--cores", "1")
    assert failed.returncode == 2
    assert f"{TABLE} has no column `c`" in failed.stdout + failed.stderr
    refused = project.stanchion("check")
    assert refused.returncode == 2
    assert f"{TABLE} has no column `c`" in refused.stdout + refused.stderr

    project.edit("scripts/units.py", "1.8", "0")
    failed = project.stanchion("run", "--cores", "1")
    assert failed.returncode == 1
    assert "ZeroDivisionError" in failed.stdout + failed.stderr
    status = project.stanchion("status")
    assert status.returncode == 0


@pytest.mark.snakemake
def test_data_and_report_follow_the_step_that_makes_a_table(project: ProjectDir) -> None:
    """In Snakemake's own graph: what reads the table, and nothing else."""
    completed = project.snakemake("--rulegraph", "dot")
    assert completed.returncode == 0, completed.stderr
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', completed.stdout))
    edges = {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", completed.stdout)}
    assert {after for before, after in edges if before == "make_table"} == {
        "prepare_data",
        "write_report",
        "all",
    }
    assert not {before for before, after in edges if after == "make_table"}


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


DRAWS = """\
seed: 11
datasets:
  points: {path: data/points.csv, stan: {N: nrow(), y: y}}
models:
  mean: {program: stan/mean.stan}
analyses:
  centre:
    datasets: [points]
    models: [mean]
    methods: {own: {method: script, script: scripts/clean.py, lock: scripts/clean.lock}}
"""


@pytest.mark.snakemake
@pytest.mark.parametrize(
    ("config", "result"),
    [(CONFIG, TABLE), (DRAWS, "results/centre/points/mean/own/chains/chains.zip")],
    ids=["table", "draws"],
)
def test_ctrl_c_ends_a_script_with_what_it_has_started(
    project: ProjectDir, tmp_path: Path, config: str, result: str
) -> None:
    """One that listens to no SIGINT, and a daemon of its own; the run says so in one sentence.

    It leaves no result, and nothing of its folder; `status` and a dry run go on from there.
    """
    marker = tmp_path / "pids"
    project.write("config/config.yaml", config)
    project.write("data/points.csv", "y\n1\n2\n")
    project.write("stan/mean.stan", PROGRAM.replace("PRIOR", "10"))
    project.write("scripts/clean.py", WAITS.replace("MARKER", repr(str(marker))))
    process = subprocess.Popen(
        [str(BIN / "stanchion"), "run", "--cores", "1"],
        cwd=project.path,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 120
    while not marker.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    assert marker.exists()
    pids = [int(word) for word in marker.read_text().split()]
    assert all(map(is_alive, pids))
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert output.strip().split("\n", 1)[0] == "stopped by SIGINT: ending what runs"
    assert output.strip().endswith("finished steps are kept: the same command goes on")
    assert len(output.strip().splitlines()) == 3, output
    assert not any(map(is_alive, pids))
    assert not (project.path / result).exists()
    left = project.path / ".stanchion/tmp"
    assert not left.exists() or list(left.iterdir()) == []
    assert project.stanchion("status").returncode == 0
    step = "make_table centre clean" if result == TABLE else "sample_fit centre points mean own"
    assert step in project.stale()

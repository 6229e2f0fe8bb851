"""A script in the place of the sampler, the whole way, and its draws as a file of another fit."""

from __future__ import annotations

import csv
import json
import re
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from stanchion.system.hashes import file_hash
from tests.project import ROOT, ProjectDir
from tests.versions import WRITER, git
from tests.workflow.conftest import PROGRAM

PAGE = (ROOT / "docs/scripts.md").read_text()
WALK = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
CONFIG = """\
seed: 11
datasets:
  points: {path: data/points.csv, stan: {N: nrow(), y: y}}
models:
  mean: {program: stan/mean.stan}
analyses:
  centre:
    datasets: [points]
    models: [mean]
    methods:
      walk:
        method: script
        script: scripts/walk.py
        sources: [scripts/density.py]
        lock: scripts/walk.lock
        settings: {scale: 0.9}
"""
OLD = "      old: {method: draws, file: data/old.nc, sha256: HASH}\n"
Y = [0.4, 1.9, 1.1, 0.2, 2.3, 1.0, -0.3, 1.6]
RAN = "ran.txt"
FIT = "results/centre/points/mean"


def succeeds(project: ProjectDir, *words: str) -> str:
    completed = project.stanchion(*words)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


def summary(project: ProjectDir, method: str) -> dict[str, Any]:
    with (project.path / FIT / method / "summary.csv").open() as file:
        (row,) = csv.DictReader(file)
    return row


@pytest.mark.snakemake
def test_a_script_and_its_draws_are_fits_like_any(tmp_path: Path, cache: Path) -> None:
    """Nothing runs it but a run, without a compiler; another script, lock or file is another fit.

    A script that fails leaves no result, exit code 1 and its words; what it left is tracked.
    """
    density = "    return -0.5 * ((y - mu) ** 2).sum() - 0.5 * (mu / 10) ** 2\n"
    assert f"def log_density(mu):\n{density}" in WALK
    walk = WALK.replace(f"def log_density(mu):\n{density}", "from density import log_density\n")
    walk = walk.replace("log_density(proposal)", "log_density(proposal, y)")
    walk = walk.replace("log_density(x)", "log_density(x, y)")
    marker = tmp_path / RAN
    files = {
        "scripts/walk.py": f"open({str(marker)!r}, 'a').write('ran ')\n{walk}",
        "scripts/density.py": f"def log_density(mu, y):\n{density}",
        "scripts/walk.lock": "".join(f"{n}=={version(n)}\n" for n in ("numpy", "xarray")),
        "stan/mean.stan": PROGRAM.replace("PRIOR", "10"),
        "data/points.csv": "y\n" + "".join(f"{y}\n" for y in Y),
        ".gitignore": (ROOT / ".gitignore").read_text(),
    }
    project = ProjectDir.make(tmp_path / "project", cache, CONFIG, files)
    succeeds(project, "check")
    assert not marker.exists()
    succeeds(project, "run", "--cores", "1")
    assert marker.read_text() == "ran "
    row = summary(project, "walk")
    precision = len(Y) + 1 / 100
    assert abs(float(row["mean"]) - sum(Y) / precision) < 4 * float(row["mcse_mean"])
    assert abs(float(row["sd"]) - precision**-0.5) < 4 * float(row["mcse_sd"])
    assert not (project.path / ".stanchion/programs").exists()

    shutil.copy(project.path / FIT / "walk/draws.nc", project.path / "data/old.nc")
    digest = file_hash(project.path / "data/old.nc")
    project.write("config/config.yaml", CONFIG + OLD.replace("HASH", digest))
    before = project.records()
    succeeds(project, "run", "--cores", "1")
    assert marker.read_text() == "ran "
    assert project.ran(before) == {
        "collect_draws",
        "diagnose_fit",
        "write_report",
        "check_verdicts",
    }
    assert summary(project, "old") == row
    (record,) = (project.path / FIT / "walk/records/sample_fit").iterdir()
    (note,) = json.loads(record.read_text())["notes"]["runs"]
    assert note["same_bytes"] is False

    git("init", "--quiet", "--initial-branch", "main", str(project.path))
    for name, value in WRITER.items():
        git("config", name, value, folder=project.path)
    git("add", "--all", folder=project.path)
    git("commit", "--quiet", "--message", "Declare", folder=project.path)
    succeeds(project, "track", "--commit")
    assert "centre: intact" in succeeds(project, "verify")

    project.edit("scripts/density.py", "(mu / 10) ** 2", "(mu / 10) ** 3 / 0")
    failed = project.stanchion("run", "--cores", "1")
    assert failed.returncode == 1
    assert "ZeroDivisionError" in failed.stdout + failed.stderr
    assert not (project.path / FIT / "walk/chains/chains.zip").exists()
    with (project.path / "data/old.nc").open("ab") as file:
        file.write(b"more")
    refused = project.stanchion("check")
    assert refused.returncode == 2
    assert "data/old.nc is not the file that is declared" in refused.stdout + refused.stderr

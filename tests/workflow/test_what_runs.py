"""What runs is what was declared, and what stands there is what ran."""

from __future__ import annotations

import contextlib
import csv
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project import BIN, ProjectDir
from tests.workflow.conftest import VALUES

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]

FIT = "results/means/points/wide/nuts"
DATA = "results/means/points/data.wide.json"
PLANNED = ".stanchion/runs/edited/plan.pickle.gz"


def run_and_edit(project: ProjectDir, edit: Callable[[], None], *targets: str) -> tuple[int, str]:
    """Run plain `snakemake`, and edit once it has planned and before its first step begins."""
    plan = project.path / PLANNED
    plan.unlink(missing_ok=True)
    process = subprocess.Popen(
        [str(BIN / "snakemake"), "--cores", "2", *targets],
        cwd=project.path,
        env={**project.environment(), "STANCHION_RUN_ID": "edited"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    end = time.monotonic() + 120
    while not plan.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    edit()
    output = process.communicate(timeout=600)[0]
    assert "Traceback" not in output and "internal error" not in output, output
    return process.returncode, output


def entries(project: ProjectDir) -> set[Path]:
    """What the cache of results holds of this project; tests beside this one fill it too."""
    paths = project.cache.glob("steps/*/??/[!.]*/entry.json")
    return {path for path in paths if made_in(project.path, path)}


def made_in(folder: Path, entry: Path) -> bool:
    """Whether an entry is of a project in this folder; one that goes meanwhile is of another."""
    with contextlib.suppress(FileNotFoundError):
        origin: dict[str, str] = json.loads(entry.read_text())["origin"]
        return origin.get("folder") == str(folder.resolve())
    return False


def mean_of_mu(project: ProjectDir) -> tuple[float, float]:
    """The posterior mean of mu, and its Monte Carlo error."""
    with (project.path / FIT / "summary.csv").open(newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["variable"] == "mu")
    return float(row["mean"]), float(row["mcse_mean"])


def alter(path: Path, old: str, new: str) -> None:
    """Edit a file by hand, to the same size."""
    text = path.read_text()
    assert old in text and len(old) == len(new)
    path.write_text(text.replace(old, new, 1))


def test_sources_edited_in_mid_run_make_nothing(project: ProjectDir) -> None:
    """A prior and a value edited after planning, then put back: nothing is made or kept of them.

    The run says which files changed; the next run gives the posterior of what is declared.
    """
    project.edit("stan/wide.stan", "normal(0, 10)", "normal(0, 7)")
    project.edit("data/points.csv", "0.3\n", "0.35\n")
    before, records = entries(project), project.records()

    def edit() -> None:
        project.edit("stan/wide.stan", "normal(0, 7)", "normal(99, 0.1)")
        project.edit("data/points.csv", "0.35\n", "98.5\n")

    code, output = run_and_edit(project, edit)
    assert code == 1
    for name in ("stan/wide.stan", "data/points.csv"):
        assert f"{name}: it changed since this run was planned" in output
    assert entries(project) == before
    assert project.ran(records) == set()
    project.edit("stan/wide.stan", "normal(99, 0.1)", "normal(0, 7)")
    project.edit("data/points.csv", "98.5\n", "0.35\n")
    project.run(f"{FIT}/diagnostics.json")
    assert json.loads((project.path / DATA).read_text())["y"][0] == 0.35
    values = (0.35, *VALUES[1:])
    mean, error = mean_of_mu(project)
    assert abs(mean - sum(values) / (len(values) + 7**-2)) < 5 * error


def test_results_altered_in_mid_run_are_not_read(project: ProjectDir) -> None:
    """A chain reads no data that was altered, and runs no program that was.

    What the cache holds is put back in the same run; the rest is made again by the next.
    """
    project.edit("config/config.yaml", "draws: 500}\n      advi", "draws: 501}\n      advi")
    data, draws = project.path / DATA, f"{FIT}/draws.nc"
    content, before = data.read_bytes(), entries(project)
    code, output = run_and_edit(project, lambda: alter(data, "0.3", "9.3"), draws)
    assert code == 1
    assert f"{DATA}: it is not what prepare_data wrote: it was altered since" in output
    assert entries(project) == before
    (program,) = (project.path / ".stanchion/programs").glob("wide-*/model")
    compiled = program.read_bytes()

    def edit() -> None:
        with program.open("r+b") as file:
            file.write(b"#!/bin/false")

    code, output = run_and_edit(project, edit, draws)
    assert code == 0, output
    assert (data.read_bytes(), program.read_bytes()) == (content, compiled)
    assert len(entries(project) - before) == 5


def test_results_edited_by_hand_are_made_again(project: ProjectDir) -> None:
    """A number, garbage and a word of a report: named as altered, and there again, unsampled."""
    results = project.path / "results/means"
    fits = {name: results / "points" / name for name in ("wide/nuts", "narrow/nuts", "wide/advi")}
    files = {
        "summary": fits["wide/nuts"] / "summary.csv",
        "diagnostics": fits["narrow/nuts"] / "diagnostics.json",
        "picture": fits["wide/advi"] / "plots/ranks.png",
        "report": results / "report.html",
    }
    content = {name: path.read_bytes() for name, path in files.items()}
    mean, _ = mean_of_mu(project)
    alter(files["summary"], f"{mean!r}"[:3], "9.9")
    files["diagnostics"].write_bytes(b"{" * len(content["diagnostics"]))
    files["picture"].write_bytes(bytes(len(content["picture"])))
    alter(files["report"], "means", "MEANS")
    completed = project.stanchion("status")
    assert completed.returncode == 0, completed.stderr
    rows = {line.split()[0]: line.split()[1] for line in completed.stdout.splitlines()[1:]}
    assert [rows[f"means/points/{name}"] for name in fits] == ["altered"] * 3
    assert rows["means/points/narrow/advi"] not in ("altered", "missing", "stale")
    for path in files.values():
        assert f"altered: {path.relative_to(project.path)}" in completed.stdout
    before = project.records()
    completed = project.stanchion("run", "--cores", "2")
    output = completed.stdout + completed.stderr
    assert (
        completed.returncode == 0 and "altered" not in output and "internal error" not in output
    ), output
    report = files.pop("report").read_text()
    assert "MEANS" not in report and content.pop("report").decode()[:500] == report[:500]
    assert {name: path.read_bytes() for name, path in files.items()} == content
    ran = {step for step in project.ran(before) if not step.startswith("compile_program.")}
    assert ran <= {"write_report", "check_verdicts"}
    assert project.stale() == set()

"""A project of its own in a temporary folder, run as a person would run it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
REFERENCE = ROOT / "tests" / "reference"
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class ProjectDir:
    """A project's folder and the cache its runs use."""

    path: Path
    cache: Path
    variables: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, path: Path, cache: Path, config: str, files: dict[str, str]) -> ProjectDir:
        """Lay out a project: the checkout's Snakefile and rules, this config and these files."""
        path.mkdir(parents=True)
        shutil.copy(ROOT / "Snakefile", path)
        (path / "workflow").mkdir()
        shutil.copy(ROOT / "workflow/Snakefile", path / "workflow")
        for folder in ("rules", "profiles"):
            shutil.copytree(ROOT / "workflow" / folder, path / "workflow" / folder)
        (path / "profiles").symlink_to("workflow/profiles")
        project = cls(path, cache)
        project.write("config/config.yaml", config)
        for name, text in files.items():
            project.write(name, text)
        return project

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text that must be there in a file of the project."""
        path = self.path / name
        text = path.read_text()
        assert old in text, f"{name} does not hold {old!r}"
        path.write_text(text.replace(old, new))

    def environment(self) -> dict[str, str]:
        """Return the environment of a run: no activated venv, and the tests' own cache."""
        stored = {n: v for n, v in os.environ.items() if not n.startswith("STANCHION_")}
        return {**stored, "STANCHION_CACHE": str(self.cache), **self.variables}

    def call(self, *command: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a command of the virtual environment in the project's folder."""
        return subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            cwd=self.path,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def stanchion(self, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run `stanchion`."""
        return self.call("stanchion", *arguments, timeout=timeout)

    def snakemake(self, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run plain `snakemake` on two cores."""
        return self.call("snakemake", "--cores", "2", *arguments, timeout=timeout)

    def run(self, *arguments: str) -> None:
        """Run everything with plain `snakemake`, which must succeed."""
        completed = self.snakemake(*arguments)
        assert completed.returncode == 0, completed.stdout + completed.stderr

    def stale(self) -> set[str]:
        """Return what a dry run would do, as `rule wildcard-values…`."""
        completed = self.snakemake("-n")
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return planned_jobs(completed.stdout + completed.stderr)

    def ran(self, before: set[Path]) -> set[str]:
        """Return the steps whose records since `before` say that work was done."""
        import json

        new = self.records() - before
        return {p.parent.name for p in new if json.loads(p.read_text())["state"] == "done"}

    def processes(self) -> set[str]:
        """Return how steps were processes: `forked` from a warm one, or of their `own`."""
        import json

        return {json.loads(path.read_text())["process"] for path in self.records()}

    def records(self) -> set[Path]:
        """Return every record of the project."""
        folders = [self.path / "results", self.path / ".stanchion/programs"]
        return {p for folder in folders for p in folder.rglob("records/*/*.json")}


def cache_of_programs(folder: Path, shared: Path) -> Path:
    """Make a cache that shares toolchain and compiled programs with another, and nothing else."""
    programs = shared / "steps/compile_program"
    programs.mkdir(parents=True, exist_ok=True)
    (folder / "steps").mkdir(parents=True)
    (folder / "steps/compile_program").symlink_to(programs)
    if (shared / "toolchains").exists():
        (folder / "toolchains").symlink_to((shared / "toolchains").resolve())
    return folder


def folder_of_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of this test run that all its workers share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def planned_jobs(text: str) -> set[str]:
    """Read the jobs out of a dry run's text."""
    jobs = set()
    for block in re.split(r"\n(?= *(?:rule|localrule) \w+:)", text):
        name = re.match(r" *(?:rule|localrule) (\w+):", block)
        if name is None or name.group(1) == "all":
            continue
        wildcards = re.search(r"^ +wildcards: (.*)$", block, re.MULTILINE)
        values = re.findall(r"\w+=([^,\s]+)", wildcards.group(1)) if wildcards else []
        jobs.add(" ".join([name.group(1), *values]))
    return jobs

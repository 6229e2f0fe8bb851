"""Each analysis of the gallery, run once as a person would who starts a project from it."""

from __future__ import annotations

from functools import cache as once
from pathlib import Path

import pytest

from stanchion.project.create import init
from stanchion.runs.gallery import entries, example
from tests.gallery.results import Run
from tests.project import ROOT, ProjectDir


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, cache: Path, shared: Path) -> Run:
    """Start a project from an analysis of the gallery, run it once, and return its results."""

    @once
    def results(name: str) -> Path:
        project = ProjectDir(tmp_path_factory.mktemp("gallery") / name, cache)
        init(project.path, example(name))
        (entry,) = (entry for entry in entries() if entry.name == name)
        for dataset in entry.project.datasets.values():
            if dataset.url:  # no test needs the network: the file lies where it would be put
                downloads = project.path / ".stanchion/downloads"
                downloads.mkdir(parents=True, exist_ok=True)
                content = (shared / "data" / dataset.url.rpartition("/")[2]).read_bytes()
                (downloads / f"{dataset.sha256}.csv").write_bytes(content)
        for python in entry.interpreters:
            environment = Path(python).parts[0]
            (project.path / environment).symlink_to(ROOT / environment)
        checked = project.stanchion("check")
        assert checked.returncode == 0, checked.stderr
        ended = project.stanchion("run", "--cores", "2", timeout=1200)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return project.path / "results"

    return results

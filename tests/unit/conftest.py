"""A small project with results, made once for the tests of what Python can have of them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from stanchion.api import loading
from tests.unit.api_cases import fork, make_project, run_steps


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after a run."""
    folder = tmp_path_factory.mktemp("api") / "project"
    run_steps(folder, make_project(folder))
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the current folder; results are inspected by a fork."""
    folder = tmp_path / "project"
    shutil.copytree(finished, folder, symlinks=True)
    monkeypatch.setenv("CMDSTAN", str(finished.parent / "cmdstan"))
    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "cache"))
    standing = SimpleNamespace(run=fork, DEVNULL=subprocess.DEVNULL)
    monkeypatch.setattr(loading, "subprocess", standing)
    monkeypatch.chdir(folder)
    return folder

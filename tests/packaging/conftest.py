"""The wheel of this checkout, and a virtual environment that has nothing else of it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.project import ROOT


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    return next(folder.glob("stanchion-*.whl"))


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel in it, and the project that it made."""

    venv: Path
    project: Path
    cache: Path

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a Python module of the environment in the project's folder."""
        environment = {n: v for n, v in os.environ.items() if not n.startswith("STANCHION_")}
        return subprocess.run(
            [str(self.venv / "bin" / "python"), "-m", *command],
            cwd=self.project,
            env={**environment, "STANCHION_CACHE": str(self.cache)},
            capture_output=True,
            text=True,
            timeout=600,
        )


@pytest.fixture(scope="session")
def environment(wheel: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment with the wheel in it, and an empty folder."""
    base = tmp_path_factory.mktemp("installed")
    venv, project = base / "venv", base / "empty folder"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", str(wheel)], check=True)
    # A path in a .pth file brings the dependencies, but not what .pth files in that path say.
    site = next(venv.glob("lib/python3.*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    project.mkdir()
    return Installed(venv, project, cache)


@pytest.fixture(scope="module")
def installed(environment: Installed, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A project made by the wheel, in which nothing of the checkout takes part."""
    result = replace(environment, project=tmp_path_factory.mktemp("my project"))
    completed = result.call("stanchion", "init", ".")
    assert completed.returncode == 0, completed.stderr
    return result

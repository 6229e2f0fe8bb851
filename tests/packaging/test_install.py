"""The scripts behind `make`: which Python is taken, and what is said where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.project import ROOT

OLD = "#!/bin/sh\nexit 1\n"
NEW = "#!/bin/sh\nexit 0\n"
SCRIPT = ROOT / "workflow" / "find_python.sh"


def _put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def _find(home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Look for a Python where only `home`/bin is searched."""
    return subprocess.run(
        [str(shutil.which("sh")), str(SCRIPT)],
        env={"PATH": str(home / "bin"), "HOME": str(home), **variables},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", ["python3", "python3.12", "python3.13", "python3.14"])
def test_a_python_on_the_path_is_taken_by_any_of_its_names(tmp_path: Path, name: str) -> None:
    """An old python3 does not hide a newer one."""
    _put(tmp_path / "bin" / "python3", OLD)
    expected = _put(tmp_path / "bin" / name, NEW)
    assert _find(tmp_path).stdout.strip() == str(expected)


def test_an_inactive_pyenv_version_is_taken(tmp_path: Path) -> None:
    """A version that pyenv has installed counts, whether or not it is active."""
    _put(tmp_path / "bin" / "python3", OLD)
    _put(tmp_path / ".pyenv/versions/3.9.18/bin/python3", OLD)
    expected = _put(tmp_path / ".pyenv/versions/3.12.1/bin/python3", NEW)
    assert _find(tmp_path).stdout.strip() == str(expected)


def test_pyenv_is_looked_for_where_it_says_it_is(tmp_path: Path) -> None:
    """PYENV_ROOT, also one with a space in it, goes before ~/.pyenv."""
    expected = _put(tmp_path / "my pyenv/versions/3.13.0/bin/python3", NEW)
    result = _find(tmp_path, PYENV_ROOT=str(tmp_path / "my pyenv"))
    assert result.stdout.strip() == str(expected)


def test_uv_is_asked_last(tmp_path: Path) -> None:
    """A Python that only uv knows is taken."""
    expected = _put(tmp_path / "uv/python3", NEW)
    _put(tmp_path / "bin" / "uv", f'#!/bin/sh\necho "{expected}"\n')
    assert _find(tmp_path).stdout.strip() == str(expected)


def test_without_a_python_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    """Nothing else is printed, and the exit code is not zero."""
    _put(tmp_path / "bin" / "python3", OLD)
    result = _find(tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "No Python 3.12 or newer" in result.stderr


def test_a_virtual_environment_that_is_whole_is_left_alone(tmp_path: Path) -> None:
    """The second `make` installs nothing, and one in a copy of the folder does."""
    project = tmp_path / "a project"
    (project / "workflow").mkdir(parents=True)
    for name in ("find_python.sh", "install.sh"):
        shutil.copy(ROOT / "workflow" / name, project / "workflow")
    (project / "pyproject.toml").touch()
    (project / "some.lock").write_text("package==1\n")
    _put(tmp_path / "bin" / "python3", FAKE_PYTHON)
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}

    def install(folder: Path) -> str:
        command = ["sh", "workflow/install.sh", "some.lock"]
        return subprocess.run(
            command, cwd=folder, env=environment, check=True, capture_output=True, text=True
        ).stderr

    assert "Installing the 1 packages" in install(project)
    assert install(project) == ""
    copy = Path(shutil.copytree(project, tmp_path / "copy"))
    assert "Making .venv" in install(copy)


FAKE_PYTHON = """\
#!/bin/sh
# Makes a `.venv` that holds a copy of itself, and succeeds at everything else.
if [ "$2" = venv ]; then mkdir -p .venv/bin && cp "$0" .venv/bin/python; fi
"""

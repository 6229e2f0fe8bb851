"""A dry run looks and leaves the project as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanchion.errors import StanchionError
from stanchion.runs import run
from tests.versions import git


@pytest.mark.parametrize(
    ("extra", "is_set_up"),
    [
        ([], True),
        (["-n"], False),
        (["--dry-run", "--quiet"], False),
        (["-np"], False),
        (["-pn", "--cores", "1"], False),
        (["-Rn", "-kp"], True),
    ],
)
def test_only_a_run_that_runs_puts_the_project_under_dvc(
    extra: list[str], is_set_up: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the declaration is at fault, which is looked at after it."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", str(tmp_path))
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("sed: 1\n")
    (tmp_path / "Snakefile").write_text('configfile: "config/config.yaml"\n')
    monkeypatch.setattr(run, "_require_toolchain", lambda: None)
    with pytest.raises(StanchionError, match="sed"):
        run.run([], cores=None, profile=None, configfile=None, extra=extra)
    assert (tmp_path / ".dvc").exists() is is_set_up

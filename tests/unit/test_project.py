"""A new project finds the rules that come with the package."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

from stanchion.project.create import init


def test_what_a_projects_snakefile_imports_is_there(tmp_path: Path) -> None:
    """The first lines of a project's Snakefile are Python that finds the package's Snakefile."""
    init(tmp_path / "project")
    lines = (tmp_path / "project/Snakefile").read_text().splitlines()
    script = tmp_path / "imports.py"
    script.write_text("\n".join(line for line in lines if line.startswith(("from ", "import "))))
    assert Path(run_path(str(script))["workflow_file"]()).is_file()

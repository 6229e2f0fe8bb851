"""A project made of the declarations and programs beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from tests.project import ProjectDir

HERE = Path(__file__).parent
ONE_RUN = 1200  # seconds


def run_declaration(
    folder: Path, cache: Path, declaration: str, data: Mapping[str, str]
) -> ProjectDir:
    """Run all analyses of a declaration here on two cores, with the programs here and this data."""
    files = {f"stan/models/{p.name}": p.read_text() for p in (HERE / "programs").glob("*.stan")}
    files |= {f"data/{name}": text for name, text in data.items()}
    text = (HERE / "declarations" / declaration).read_text()
    project = ProjectDir.make(folder, cache, text, files)
    ended = project.stanchion("run", "--cores", "2", timeout=ONE_RUN)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return project


def read_summary(project: ProjectDir, analysis: str, dataset: str, model: str) -> pd.DataFrame:
    """Return a NUTS fit's summary.csv by variable."""
    fit = project.path / "results" / analysis / dataset / model / "nuts"
    return pd.read_csv(fit / "summary.csv", index_col="variable")

"""docs/python.md names all that Python can have of results; docs/notebook.ipynb runs."""

from __future__ import annotations

import ast
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

import stanchion
from stanchion import api, config, errors
from tests.project import ROOT
from tests.unit.api_cases import FIT

NOTEBOOK = ROOT / "docs/notebook.ipynb"


def public(kind: type) -> set[str]:
    """Return the attributes of a class, and those that its instances are given."""
    assigned = re.findall(r"self\.([a-z]\w*)\b.*=", inspect.getsource(kind))
    return {name for name in [*vars(kind), *assigned] if not name.startswith("_")}


def test_the_page_names_everything() -> None:
    """Types, attributes, arguments and errors; and nothing that there is not."""
    page = (ROOT / "docs/python.md").read_text()
    attributes = public(api.Analysis) | public(api.Fit) | set(api.Check.__dataclass_fields__)
    assert attributes | {"name", "label"} == set(re.findall(r"`\.(\w+)`", page))
    arguments = set(inspect.signature(stanchion.load).parameters)
    assert arguments - {"folder"} == set(re.findall(r"\| `(\w+)=(?:True)?` \|", page))
    raised = {e.__name__ for e in [errors.ResultsError, *errors.ResultsError.__subclasses__()]}
    assert raised == set(re.findall(r"`(\w+Error)`", page))
    assert all(f"`{name}`" in page for name in api.__all__ if name != "load")


def code_cells() -> list[str]:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run_cell(source: str, names: dict[str, Any]) -> object:
    """Run a cell, and return the value that a notebook would show below it."""
    *before, last = ast.parse(source).body
    exec(compile(ast.Module(before, []), str(NOTEBOOK), "exec"), names)
    assert isinstance(last, ast.Expr)
    return eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names)


def test_the_notebook_runs_cell_by_cell(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In ten lines: the analysis, its answers, a fit, estimates, a picture, the comparison."""
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "show", lambda: None)
    plt.switch_backend("Agg")
    cells = [cell.replace("pooling/nuts", "pooling/exact") for cell in code_cells()]
    names = dict[str, Any]()
    lines = [line for cell in cells for line in cell.splitlines() if line]
    assert len(lines) <= 10
    shown = [run_cell(cell, names) for cell in cells]
    plt.close("all")
    analysis, answers, fit, summary, _, comparison = shown
    assert isinstance(analysis, api.Analysis) and isinstance(fit, api.Fit)
    assert fit.name == FIT
    assert summary.loc["mu", "mean"] == fit.summary.loc["mu", "mean"]  # type: ignore[attr-defined]
    assert answers is analysis.answers and answers is not None
    assert comparison is analysis.comparison


def test_the_notebook_is_of_the_example() -> None:
    """The names that it uses are those of config/config.yaml; it holds no output."""
    (declared,) = [
        a for n, a in config.load(ROOT / "config/config.yaml").analyses.items() if n == "coaching"
    ]
    assert 'coaching["partial_pooling/nuts"]' in "\n".join(code_cells())
    assert "partial_pooling" in declared.models and "nuts" in declared.methods
    assert declared.compare is not None and declared.answers
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    assert all(not cell["outputs"] for cell in cells if cell["cell_type"] == "code")

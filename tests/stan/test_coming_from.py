"""docs/coming-from.md: each worked pair is a declaration that `check` passes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from stanchion.config import load
from stanchion.methods.catalogue import METHODS
from stanchion.plan.facts import gather
from stanchion.plan.planner import make_plan
from stanchion.runs.advice import advise
from stanchion.runs.check import check_plan
from tests.project import ROOT
from tests.stan.toolchains import toolchain_for_tests

pytestmark = pytest.mark.stan

PAGE = (ROOT / "docs/coming-from.md").read_text()
HEADINGS = ("PyMC", "NumPyro", "Pyro", "brms")
ROWS = {
    "PyMC": "dose,response\n1.5,2.5\n2.5,3.5\n0.5,1.25\n",
    "NumPyro": "school,effect,se\nA,28.5,15.5\nB,8.5,10.5\n",
    "Pyro": "age,recovered\n31.5,1\n44.5,0\n52.5,1\n",
    "brms": "score,age,school\n3.5,11.5,a\n4.5,12.5,b\n2.5,10.5,a\n5.5,13.25,b\n",
}
PARAMETERS = {"PyMC": 3, "NumPyro": 4, "Pyro": 2, "brms": 6}
"""Of the first model with these rows: counted by hand."""


def blocks(heading: str) -> dict[str, str]:
    """Return the blocks of a section by their language."""
    section = PAGE[PAGE.index(f"## {heading}:") :].split("\n## ")[0]
    return dict(re.findall(r"^```(\w+)\n(.*?)^```", section, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("heading", HEADINGS)
def test_each_pair_is_checked(
    heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours passes `check` with rows of its columns, and `advise` only counts; theirs parses."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CMDSTAN", str(toolchain_for_tests().path))
    pair = blocks(heading)
    for path, text in (
        ("config/config.yaml", pair["yaml"]),
        ("stan/models/m.stan", pair["stan"]),
        ("data/rows.csv", ROWS[heading]),
    ):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
    project = load(Path("config/config.yaml"))
    plan = make_plan(project, gather(project, Path("waivers.yaml")))
    check_plan(plan)
    advised = list(advise(plan))
    assert {a.topic for part in advised for a in part.advice} == {"size"}
    assert advised[0].advice[0].text.startswith(f"{PARAMETERS[heading]} parameters, ")
    if "python" in pair:
        ast.parse(pair["python"])
    else:
        assert pair["r"].count("(") == pair["r"].count(")")


def test_the_methods_of_the_table_exist() -> None:
    """Each method that the last column declares is in the catalogue."""
    last = [row.split(" | ")[-1] for row in PAGE.splitlines() if row.startswith("| ")]
    cells = [cell for cell in last if re.search(r"`\w+: \{\}`|algorithm", cell)]
    names = [re.findall(r"`(\w+): \{", cell)[0] for cell in cells]
    assert {"advi", "laplace", "optimize"} <= set(names) <= METHODS.keys()

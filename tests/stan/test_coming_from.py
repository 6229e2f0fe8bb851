"""docs/coming-from.md: each worked pair is a declaration that `check` passes.

Those of PyMC and NumPyro are run too, where the environment is that `make engines` makes.
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats

from stanchion.config import load
from stanchion.methods.catalogue import METHODS
from stanchion.plan.facts import gather
from stanchion.plan.planner import make_plan
from stanchion.runs.advice import advise
from stanchion.runs.check import check_plan
from stanchion.system.interpreters import interpreter
from tests.gallery.results import ERRORS, slow, summary, verdict
from tests.project import ROOT, ProjectDir
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


THEIRS = {
    "PyMC": (
        "import functools, arviz as az, pymc as pm\n"
        "pm.sample = functools.partial(pm.sample, cores=1, progressbar=False)\n"
        "x, y = rows['dose'].to_numpy(), rows['response'].to_numpy()\n",
        "draws = {name: idata.posterior[name].to_numpy() for name in ('a', 'b', 'sigma')}\n",
    ),
    "NumPyro": (
        "import jax, numpyro, numpyro.distributions as dist\n"
        "from numpyro.infer import MCMC, NUTS\n"
        "from numpyro.infer.reparam import LocScaleReparam\n"
        "sigma, y = rows['se'].to_numpy(), rows['effect'].to_numpy()\n",
        "samples = mcmc.get_samples(group_by_chain=True)\n"
        "draws = {name: samples[name] for name in ('mu', 'tau', 'theta')}\n",
    ),
}
"""What stands before and after theirs: imports and columns, and its draws, `chain × draw × …`."""


def rows_of_pairs() -> dict[str, pd.DataFrame]:
    """Return enough rows of each pair to say something of its parameters."""
    rng = np.random.default_rng(20261121)
    dose = rng.uniform(0, 3, 40)
    doses = pd.DataFrame({"dose": dose, "response": 1.5 + 0.8 * dose + rng.normal(0, 0.7, 40)})
    eight = pd.read_csv(ROOT / "data/eight_schools.csv")
    return {"PyMC": doses, "NumPyro": eight[["school", "effect", "se"]]}


@slow
@pytest.mark.parametrize("heading", THEIRS)
def test_both_of_a_pair_have_one_posterior(heading: str, tmp_path: Path, cache: Path) -> None:
    """Means and sds of each parameter agree within 4 of both Monte Carlo errors together."""
    python = interpreter(".venv-engines/bin/python", ROOT)
    if python is None:
        pytest.skip("there is no .venv-engines; `make engines` makes it")
    pair, rows = blocks(heading), rows_of_pairs()[heading]
    files = {"stan/models/m.stan": pair["stan"], "data/rows.csv": rows.to_csv(index=False)}
    project = ProjectDir.make(tmp_path / "ours", cache, f"project: pair\n{pair['yaml']}", files)
    before, after = THEIRS[heading]
    read = "import numpy as np, pandas as pd\nrows = pd.read_csv('data/rows.csv')\n"
    script = project.write(
        "theirs.py", read + before + pair["python"] + after + "np.savez('draws.npz', **draws)\n"
    )
    command = [str(python), str(script)]
    ended = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    project.run()
    (fit,) = (path.parent for path in project.path.glob("results/*/*/*/nuts/summary.csv"))
    assert verdict(fit) == "pass"
    ours = summary(fit)
    compared = 0
    for name, values in np.load(project.path / "draws.npz").items():
        elements = values.reshape(*values.shape[:2], -1)
        labels = [label for label in ours.index if label.partition("[")[0] == name]
        assert len(labels) == elements.shape[2]
        for label, theirs in zip(labels, np.moveaxis(elements, 2, 0), strict=True):
            row = ours.loc[label]
            for figure, value in (("mean", theirs.mean()), ("sd", theirs.std(ddof=1))):
                error = array_stats.mcse(theirs.astype(float), method=figure)
                allowed = ERRORS * np.hypot(error, row[f"mcse_{figure}"])
                assert abs(row[figure] - value) < allowed, (label, figure)
                compared += 1
    assert compared == 2 * {"PyMC": 3, "NumPyro": 10}[heading]

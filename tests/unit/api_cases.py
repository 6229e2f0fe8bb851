"""A project with results, made by its own steps: exact posteriors, for which nothing is sampled."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import Job
from stanchion.plan.opening import open_plan
from stanchion.plan.settling import is_current
from stanchion.steps import runner

CONFIG = """\
seed: 1
datasets:
  january:
    path: data/january.csv
    columns: {clinic: {type: category, unique: true}}
models:
  flat: {conjugate: {family: beta_binomial, successes: y, trials: n, prior: {a: 1, b: 1}}}
  informed: {conjugate: {family: beta_binomial, successes: y, trials: n, prior: {a: 2, b: 50}}}
  doubtful: {conjugate: {family: beta_binomial, successes: y, trials: n, prior: {a: 9, b: 1}}}
analyses:
  infections:
    question: How often do operations lead to an infection?
    datasets: [january]
    models: [flat, informed, doubtful]
    methods:
      conjugate: {draws: 200, on_fail: stop}
      flagged: {method: conjugate, draws: 100, on_fail: flag, models: [doubtful]}
    compare: {by: loo}
"""
TABLE = "clinic,y,n\na,3,20\nb,5,31\nc,0,8\n"
NAME = "infections"
FOLDER = f"results/{NAME}"
FIT = "january/flat/conjugate"
FITS = (
    FIT,
    "january/informed/conjugate",
    "january/doubtful/conjugate",
    "january/doubtful/flagged",
)


def make_project(folder: Path, config: str = CONFIG) -> Path:
    """Write a project without results, and a folder that looks like a CmdStan; return the latter.

    Exact posteriors need no CmdStan, but a plan names the one that there is.
    """
    cmdstan = folder.parent / "cmdstan"
    (cmdstan / "bin").mkdir(parents=True, exist_ok=True)
    (cmdstan / "makefile").write_text("CMDSTAN_VERSION := 2.39.0\n")
    (cmdstan / "bin/stanc").write_text("")
    for name, text in {"config/config.yaml": config, "data/january.csv": TABLE}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return cmdstan


@contextmanager
def standing_in(folder: Path, cmdstan: Path) -> Iterator[None]:
    """Let this process be a run of the project in a folder."""
    before = Path.cwd()
    variables = {
        "CMDSTAN": str(cmdstan),
        "STANCHION_RUN_ID": "run",
        "STANCHION_CACHE": str(folder.parent / "cache"),
    }
    os.chdir(folder)
    try:
        with mock.patch.dict(os.environ, variables):
            yield
    finally:
        os.chdir(before)


def run_steps(folder: Path, cmdstan: Path, most: int | None = None) -> None:
    """Run what is to run of a project by the real runner, at most so many steps.

    The checks of the model `doubtful` find a fault, as if its draws had one.
    """

    def load_step(name: str) -> SimpleNamespace:
        module = importlib.import_module(name)

        def run(job: Job) -> None:
            module.run(job)
            if job.step == "diagnose_fit" and "doubtful" in job.arguments.fit:
                _fail(job.outputs["diagnostics"])

        return SimpleNamespace(run=run)

    quiet = mock.patch.multiple(
        runner,
        _end_with_parent=lambda: None,
        importlib=SimpleNamespace(import_module=load_step),
        _say=lambda text: None,
    )
    with standing_in(folder, cmdstan), quiet, mock.patch.object(runner.signal, "signal"):
        plan = open_plan(Path("config/config.yaml"), alone=False)
        for step in [step for step in plan if not is_current(step)][:most]:
            code = runner.main([step.job_file])
            assert code == 0 or STEPS[step.rule].may_fail, Path(step.job().log).read_text()


def _fail(diagnostics: Path) -> None:
    """Have the first check of a fit, and so the fit, judged failed."""
    content = json.loads(diagnostics.read_text())
    content["checks"][0]["verdict"] = content["verdict"] = "fail"
    diagnostics.write_text(json.dumps(content))

"""A project with results, made by its own steps, under the names of the example.

Its posteriors are exact ones, for which nothing is sampled.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from types import SimpleNamespace
from typing import Any
from unittest import mock

from stanchion.api import inspection
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import Job
from stanchion.plan.opening import open_plan
from stanchion.plan.settling import is_current
from stanchion.steps import runner
from tests.project import ROOT

CONFIG = """\
seed: 1
datasets:
  schools:
    path: data/eight_schools.csv
    columns: {school: {type: category, unique: true}}
models:
  partial_pooling: {conjugate: {family: normal, y: effect, sd: se, prior: {mean: 0, sd: 20}}}
  full_pooling: {conjugate: {family: normal, y: effect, sd: se, prior: {mean: 0, sd: 2}}}
  no_pooling: {conjugate: {family: normal, y: effect, sd: se, prior: {mean: 9, sd: 1}}}
analyses:
  coaching:
    question: Does coaching raise scores?
    datasets: [schools]
    models: [partial_pooling, full_pooling, no_pooling]
    methods:
      exact: {method: conjugate, draws: 200, on_fail: stop}
      flagged: {method: conjugate, draws: 100, on_fail: flag, models: [no_pooling]}
    compare: {by: loo}
    answers:
      Coaching raises scores: {probability: mu > 0}
      Effect: {quantity: mu, unit: points}
"""
TABLE = "data/eight_schools.csv"
NAME = "coaching"
FOLDER = f"results/{NAME}"
FIT = "schools/partial_pooling/exact"
FITS = (
    FIT,
    "schools/full_pooling/exact",
    "schools/no_pooling/exact",
    "schools/no_pooling/flagged",
)


def make_project(folder: Path, config: str = CONFIG) -> Path:
    """Write a project without results, and a folder that looks like a CmdStan; return the latter.

    Exact posteriors need no CmdStan, but a plan names the one that there is.
    """
    cmdstan = folder.parent / "cmdstan"
    (cmdstan / "bin").mkdir(parents=True, exist_ok=True)
    (cmdstan / "makefile").write_text("CMDSTAN_VERSION := 2.39.0\n")
    (cmdstan / "bin/stanc").write_text("")
    for name, text in {"config/config.yaml": config, TABLE: (ROOT / TABLE).read_text()}.items():
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

    The checks of the model `no_pooling` find a fault, as if its draws had one.
    """

    def load_step(name: str) -> SimpleNamespace:
        module = importlib.import_module(name)

        def run(job: Job) -> None:
            module.run(job)
            if job.step == "diagnose_fit" and "no_pooling" in job.arguments.fit:
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


def fork(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], **_: Any
) -> subprocess.CompletedProcess[bytes]:
    """Inspect results as `subprocess.run` of the command does, but for imports: they take a second.

    A test that loads from a Python of its own goes the other way.
    """
    with TemporaryFile() as output, TemporaryFile() as errors, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of other threads
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.dup2(output.fileno(), 1)
                os.dup2(errors.fileno(), 2)
                os.chdir(cwd)
                os.environ.clear()
                os.environ.update(env)
                sys.argv = list(command[-2:])
                inspection.main()
                code = 0
            except BaseException:
                os.write(2, traceback.format_exc().encode())
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(command, code, output.read(), errors.read())


def _fail(diagnostics: Path) -> None:
    """Have the first check of a fit, and so the fit, judged failed."""
    content = json.loads(diagnostics.read_text())
    content["checks"][0]["verdict"] = content["verdict"] = "fail"
    diagnostics.write_text(json.dumps(content))

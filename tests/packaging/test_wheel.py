"""The wheel: what it carries, and that a project of one's own works from it."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from stanchion.errors import StanchionError
from stanchion.project.create import init
from tests.packaging.conftest import Installed
from tests.project import ROOT

pytestmark = pytest.mark.packaging

CARRIED = {
    "Snakefile",
    "workflow/Snakefile",
    "workflow/rules/compile.smk",
    "workflow/profiles/default/config.yaml",
    "workflow/profiles/slurm/config.yaml",
    "config/config.yaml",
    "config/schema.json",
    "config/README.md",
    "config/gate.yaml",
    "config/gallery/catalogue.json",
    "config/gallery/linear.yaml",
    "data/gallery/heating.csv",
    "stan/models/gallery/linear_conjugate.stan",
    "data/README.md",
    "data/eight_schools.csv",
    "stan/models/ordered_regression.stan",
    "stan/functions/ordinal.stanfunctions",
}
OWN_RULE = """

rule count_schools:
    input:
        "results/coaching/schools/data.partial_pooling.json",
    output:
        "results/schools.txt",
    shell:
        "wc -c < {input} > {output}"
"""


def test_the_wheel_carries_a_whole_project(wheel: Path) -> None:
    """Rules, profiles, programs, declaration and data lie in the package, laid out as here."""
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "stanchion/py.typed" in names
    assert {f"stanchion/_project/{name}" for name in CARRIED} <= names
    assert not {name for name in names if "__pycache__" in name or name.startswith("tests/")}


def test_a_project_of_ones_own_is_planned_by_plain_snakemake(installed: Installed) -> None:
    """The Snakefile that `init` writes takes the rules from the installed package."""
    completed = installed.call("snakemake", "-n")
    assert completed.returncode == 0, completed.stderr
    assert "sample_chain" in completed.stdout + completed.stderr
    assert str(ROOT / "workflow") not in completed.stdout + completed.stderr


def test_the_declaration_of_a_new_project_is_valid(installed: Installed) -> None:
    """The example passes `stanchion check` where `init` has put it."""
    completed = installed.call("stanchion", "check")
    assert completed.returncode == 0, completed.stderr


def test_the_gallery_is_in_the_wheel(wheel: Path, installed: Installed) -> None:
    """A project starts from an analysis of it and passes `check`; it is less than 3 MB."""
    packed = [i for i in zipfile.ZipFile(wheel).infolist() if "/gallery/" in i.filename]
    assert 0 < sum(info.compress_size for info in packed) < 3e6
    listed = installed.call("stanchion", "gallery")
    assert listed.returncode == 0 and "linear, " in listed.stdout
    started = installed.call("stanchion", "init", "from the gallery", "--from", "linear")
    assert started.returncode == 0, started.stderr
    project = replace(installed, project=installed.project / "from the gallery")
    checked = project.call("stanchion", "check")
    assert checked.returncode == 0, checked.stderr


def test_own_rules_build_on_results(installed: Installed) -> None:
    """A rule added to the Snakefile takes a result as its input, and both are made."""
    snakefile = installed.project / "Snakefile"
    snakefile.write_text(snakefile.read_text() + OWN_RULE)
    completed = installed.call("snakemake", "--cores", "1", "results/schools.txt")
    assert completed.returncode == 0, completed.stderr
    assert (installed.project / "results" / "schools.txt").exists()


TYPED = """\
import pandas as pd
import xarray as xr

import stanchion
from stanchion.api import Analysis, Check, Fit
from stanchion.errors import StaleError

try:
    analysis: Analysis = stanchion.load("results/coaching", allow_failed=True)
except StaleError as error:
    raise SystemExit(str(error)) from error
fit: Fit = analysis["partial_pooling/nuts"]
draws: xr.DataTree = fit.draws
table: pd.DataFrame = fit.summary
answers: pd.DataFrame | None = fit.answers
failed: list[Check] = [check for check in fit.checks if check.verdict == "fail"]
if fit.verdict == "pass":
    print(analysis.question, analysis.report, analysis.comparison, draws, table, answers, failed)
"""


def test_a_script_on_results_is_typed(installed: Installed) -> None:
    """`mypy --strict` passes a script on the installed package, and refuses a word of no verdict.

    The script itself runs, and says of results that are not there what to do.
    """
    script, wrong = installed.project / "script.py", installed.project / "wrong.py"
    script.write_text(TYPED)
    wrong.write_text(TYPED.replace('fit.verdict == "pass"', 'fit.verdict == "passed"'))
    python = ["--python-executable", str(installed.venv / "bin/python")]
    checked = installed.call("mypy", "--strict", *python, script.name)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    checked = installed.call("mypy", "--strict", *python, wrong.name)
    assert "comparison-overlap" in checked.stdout and "Found 1 error" in checked.stdout
    completed = installed.call("script")
    assert completed.returncode == 1 and "`stanchion run coaching`" in completed.stderr


def test_init_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is there keeps its content; what is missing is written, and both are listed."""
    (tmp_path / "config").mkdir()
    mine = tmp_path / "config" / "config.yaml"
    mine.write_text("project: mine\n")
    init(tmp_path)
    assert mine.read_text() == "project: mine\n"
    output = capsys.readouterr().out
    assert f"kept    {mine}" in output
    assert f"wrote   {tmp_path / 'Snakefile'}" in output


def test_init_refuses_a_file(tmp_path: Path) -> None:
    """A folder cannot be made where a file is."""
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(StanchionError, match="not a folder"):
        init(path)

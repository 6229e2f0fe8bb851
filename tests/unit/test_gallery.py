"""The gallery: what is in it, how it is listed, and projects that start from it."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from runpy import run_path

import pytest

from stanchion.cli.init import init as start
from stanchion.config import load
from stanchion.datasets.frame import make_frame
from stanchion.datasets.rules import Rule
from stanchion.errors import StanchionError
from stanchion.project.create import Example, init
from stanchion.runs.gallery import entries, example, listing
from tests.project import ROOT

DECLARATIONS = sorted((ROOT / "config/gallery").glob("*.yaml"))
SIMULATIONS = sorted((ROOT / "data/gallery").glob("simulate_*.py"))
PROGRAMS = sorted((ROOT / "stan/models/gallery").glob("*.stan"))
NAMES = [path.stem for path in DECLARATIONS]
INCLUDE = re.compile(r"^ *#include (\S+)$", re.MULTILINE)


def table_of(script: Path) -> str:
    """Return the path of the table that a simulation says that it makes."""
    (name,) = re.findall(r'^"""Make (\w+\.csv)', script.read_text())
    return f"data/gallery/{name}"


SIMULATED = {table_of(path) for path in SIMULATIONS}


def files_below(folder: Path) -> set[str]:
    """Return the paths of all files in a folder, from there."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_every_declaration_of_the_gallery_is_listed() -> None:
    """With question, methods and measured seconds; none asks nothing, and each has a page."""
    gallery = entries()
    assert sorted(entry.name for entry in gallery) == NAMES
    for entry in gallery:
        assert entry.question and entry.methods and entry.seconds > 0
        assert all(a.question and a.answers for a in entry.project.analyses.values())
        page = (ROOT / f"docs/gallery/{entry.name}.md").read_text()
        assert f"config/gallery/{entry.name}.yaml" in page


def test_the_list_says_question_methods_and_seconds() -> None:
    """A method stands once, by what it is and not by its name in the declaration."""
    gallery = {entry.name: entry for entry in entries()}
    text = listing([gallery["linear"]])
    assert text.startswith(f"linear, {gallery['linear'].seconds} s\n")
    assert "How much more gas does a house use on a day that is one degree colder?" in text
    assert "by nuts, advi, pathfinder, laplace, optimize, conjugate\n" in text


@pytest.mark.parametrize("present", [None, "folder", "file", "program"])
def test_a_project_whose_python_is_missing_says_how_it_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], present: str | None
) -> None:
    """After `init --from`, the commands as they are to be typed; none where the Python is there.

    A folder or a plain file in its place is no Python.
    """
    project = tmp_path / "mine"
    python = project / ".venv-engines/bin/python"
    if present is not None:
        python.parent.mkdir(parents=True)
        make = {"folder": python.mkdir, "file": python.touch}
        make.get(present, lambda: python.symlink_to("/bin/sh"))()
    start(project, "engines")
    printed = capsys.readouterr().out.partition("Before it can run")[2].splitlines()
    lock = "scripts/gallery/engines.lock"
    commands = [
        f"  cd {project}",
        "  python3 -m venv .venv-engines",
        f"  .venv-engines/bin/python -m pip install --require-hashes -r {lock}",
    ]
    assert printed[1:] == ([] if present == "program" else commands)
    assert (project / lock).read_bytes() == (ROOT / lock).read_bytes()
    start(tmp_path / "other", "linear")
    assert "Before it can run" not in capsys.readouterr().out


def test_the_list_says_which_python_an_analysis_needs() -> None:
    """Of each that declares one, with the lock of its packages; of no other."""
    needing = {entry.name for entry in entries() if "\n    needs " in listing([entry])}
    assert needing == {"engines"}
    (entry,) = (entry for entry in entries() if entry.name == "engines")
    needs = "    needs .venv-engines/bin/python with scripts/gallery/engines.lock\n"
    assert needs in listing([entry])


@pytest.mark.parametrize("name", NAMES)
def test_a_project_from_the_gallery_holds_what_its_declaration_names(
    tmp_path: Path, name: str
) -> None:
    """The declaration as it is, its data and programs where it names them, and no others."""
    init(tmp_path, example(name))
    declaration = tmp_path / "config/config.yaml"
    assert declaration.read_bytes() == (ROOT / f"config/gallery/{name}.yaml").read_bytes()
    project = load(declaration)
    tables = {d.path for d in project.datasets.values() if d.path}
    programs = {m.program for m in project.models.values() if m.program}
    laid_out = files_below(tmp_path)
    assert {path for path in laid_out if path.endswith(".stan")} == programs
    included = {name for path in programs for name in INCLUDE.findall((ROOT / path).read_text())}
    functions = {path for path in laid_out if path.endswith(".stanfunctions")}
    assert functions == {f"stan/functions/{name}" for name in included}
    assert {path for path in laid_out if path.endswith(".csv")} == tables
    assert {"Snakefile", "config/schema.json", "data/gallery/README.md"} <= laid_out
    scripts = {path for path in laid_out if path.startswith("data/gallery/simulate_")}
    assert {table_of(ROOT / script) for script in scripts} == tables & SIMULATED
    methods = (m for a in project.analyses.values() for m in a.methods.values())
    declared = {path for m in methods for paths in m.files.values() for path in paths}
    assert {path for path in laid_out if path.startswith("scripts/")} == declared


def test_a_project_from_the_gallery_holds_what_its_programs_include(tmp_path: Path) -> None:
    """Functions that programs share come with the programs, and no others."""
    init(tmp_path, example("mixture"))
    functions = "stan/functions/gallery/normal_mixture.stanfunctions"
    assert (tmp_path / functions).read_bytes() == (ROOT / functions).read_bytes()
    assert {path for path in files_below(tmp_path) if path.endswith(".stanfunctions")} == {
        functions
    }


def test_a_new_person_is_shown_without_the_one_whose_days_it_borrows() -> None:
    """What stands beside a prediction are declared columns: the days, and no subject's number."""
    new = load(ROOT / "config/gallery/hierarchical.yaml").datasets["new"]
    rules = [Rule.of(name, column, name) for name, column in new.columns.items()]
    frame = make_frame("new", new, ROOT / str(new.path), rules)
    assert frame.first_rows == {"day": [*range(10)]}


def test_a_project_of_the_example_holds_no_gallery(tmp_path: Path) -> None:
    """What `stanchion init` lays out without `--from` is the example alone."""
    init(tmp_path)
    laid_out = files_below(tmp_path)
    assert {"data/eight_schools.csv", "stan/functions/ordinal.stanfunctions"} <= laid_out
    assert not {path for path in laid_out if "gallery" in path}


def test_a_name_that_is_not_in_the_gallery_is_refused() -> None:
    """The fault names those that are."""
    with pytest.raises(StanchionError) as caught:
        example("../linear")
    (fault,) = caught.value.faults
    assert fault.value == "../linear" and all(name in str(fault.allowed) for name in NAMES)


@pytest.mark.parametrize("script", SIMULATIONS, ids=lambda path: path.stem)
def test_a_simulation_gives_the_bytes_of_its_table(script: Path) -> None:
    """The seed and the truth in the script are those of the committed table."""
    text = str(run_path(str(script))["table"]())
    assert text.encode() == (ROOT / table_of(script)).read_bytes()


def test_a_lock_of_the_gallery_is_written_with_what_is_installed(tmp_path: Path) -> None:
    """Scripts that Stanchion's own Python runs are started from the wheel with other versions."""
    lock = "scripts/gallery/python.lock"
    init(tmp_path, Example("config/gallery/coin.yaml", (lock,), locks=(lock,)))
    lines = (tmp_path / lock).read_text().splitlines()
    assert len(lines) == len((ROOT / lock).read_text().splitlines())
    assert all(version(name) == pin for name, pin in (line.split("==") for line in lines))


def test_the_lock_of_the_gallery_is_that_of_the_project() -> None:
    """In a checkout its scripts run in the locked environment, so that both say the same."""
    locked = (ROOT / "workflow/requirements.lock").read_text()
    pins = (ROOT / "scripts/gallery/python.lock").read_text().splitlines()
    assert pins and all(f"\n{pin} \\\n" in locked for pin in pins)


def test_every_table_has_a_source() -> None:
    """`data/gallery/README.md` has a section of each table, and of each that is fetched."""
    readme = (ROOT / "data/gallery/README.md").read_text()
    tables = {path.name for path in (ROOT / "data/gallery").glob("*.csv")}
    fetched = {
        str(dataset.url).rpartition("/")[2]
        for entry in entries()
        for dataset in entry.project.datasets.values()
        if dataset.url
    }
    sections = set(re.findall(r"^## (\S+)", readme, re.MULTILINE))
    assert sections == tables | fetched


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_programs_of_the_gallery_say_what_they_declare(program: Path) -> None:
    """A comment on each line of data; with priors also the switch, log_lik, y_rep and lprior."""
    text = program.read_text()
    assert max(map(len, text.splitlines())) <= 80
    data = re.search(r"^data \{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE)
    assert data and all("; // " in line for line in data[1].splitlines())
    if "lprior" in text:
        assert all(word in text for word in ("prior_only", "log_lik", "y_rep"))
    else:
        declared = [m for e in entries() for m in e.project.models.values()]
        flat = {m.program for m in declared if m.priors == "none"}
        assert str(program.relative_to(ROOT)) in flat

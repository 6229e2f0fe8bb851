"""A table that a person's own script makes: what it gets and must leave, what it makes anew."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from stanchion.config import load
from stanchion.errors import DataError, DeclarationError, Fault, StepError
from stanchion.plan.model import Facts, Plan, Step
from stanchion.plan.planner import make_plan
from stanchion.provenance.keyfile import line_of, lineage_of
from stanchion.provenance.stamps import Content, contents
from stanchion.runs.check import check_plan, notes_of
from stanchion.runs.check_data import data_of
from stanchion.runs.scripts import python_faults
from stanchion.stan.program import Variable
from stanchion.steps import make_table, runner
from stanchion.steps.inputs import open_inputs
from stanchion.system.hashes import file_hash
from stanchion.versions.restore import data_pointers
from stanchion.versions.results import read_results
from tests.unit.draws_cases import job
from tests.unit.test_external import PROGRAM

RAW = "f\n32\n50\n"
NOTES: dict[str, Any] = {}
CLEAN = """\
import csv, sys
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
rows = [float(row["f"]) for row in csv.DictReader(open(words["--inputs"]))]
open(words["--output"], "w").write("c\\n" + "".join(f"{(f - 32) / 1.8}\\n" for f in rows))
"""


def run(folder: Path, text: str, sources: dict[str, str] | None = None, **changes: Any) -> Path:
    """Run a script on two inputs, and return the table that it left."""
    sources = sources or {}
    files = {
        "scripts/clean.py": textwrap.dedent(text),
        "clean.lock": changes.pop("lock_text", f"numpy=={version('numpy')}\n"),
        "data/raw.csv": RAW,
        "data/more.csv": "f\n",
        **sources,
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    arguments = {
        "script": "scripts/clean.py",
        "sources": list(sources),
        "inputs": ["data/raw.csv"],
        "settings": {},
        "seed": None,
        "lock": "clean.lock",
        "interpreter": None,
        "time_limit": "60s",
        **changes,
    }
    inputs: dict[str, Path | list[Path]] = {
        "script": folder / "scripts/clean.py",
        "lock": folder / "clean.lock",
        "sources": [folder / name for name in sources],
        "inputs": [folder / name for name in arguments["inputs"]],
    }
    step = job(folder / "staged", "make_table", arguments, inputs, {"table": "table.csv"})
    make_table.run(replace(step, log=folder / "log", notes=NOTES))
    return step.outputs["table"]


def refusal(folder: Path, text: str, **changes: Any) -> Fault:
    """Return the one fault of a script that fails."""
    with pytest.raises(StepError) as caught:
        run(folder, text, **changes)
    (fault,) = caught.value.faults
    return fault


def test_a_script_makes_a_table_of_its_inputs(tmp_path: Path) -> None:
    """Its bytes are the script's, and the record says that they are not promised, and of what."""
    table = run(tmp_path, CLEAN)
    assert table.read_text() == "c\n0.0\n10.0\n"
    assert sorted(p.name for p in table.parent.iterdir()) == ["table.csv"]
    (notes,) = NOTES["runs"]
    assert notes["same_bytes"] is False
    assert notes["packages"]["numpy"] == version("numpy")
    assert (NOTES["columns"], NOTES["rows"]) == (["c"], 2)


def test_a_script_gets_inputs_seed_settings_and_no_more(tmp_path: Path) -> None:
    """Copies below folders of its own by the paths that are declared, in the declared order."""
    seen = tmp_path / "seen.json"
    text = f"""\
        import json, os, sys, lib
        files = sorted(os.path.join(d, f) for d, _, fs in os.walk(".") for f in fs)
        content = dict(words=sys.argv, files=files, settings=json.load(open("settings.json")))
        json.dump(content, open({str(seen)!r}, "w"))
        open("table.csv", "w").write("c\\n1\\n")
        """
    run(
        tmp_path,
        text,
        {"scripts/lib.py": ""},
        inputs=["data/more.csv", "data/raw.csv"],
        settings={"upper": 3},
        seed=8,
    )
    content = json.loads(seen.read_text())
    assert content["words"] == [
        "code/scripts/clean.py",
        *("--inputs", "inputs/data/more.csv", "inputs/data/raw.csv"),
        *("--seed", "8"),
        *("--settings", "settings.json"),
        *("--output", "table.csv"),
    ]
    assert content["files"] == [
        "./code/scripts/clean.py",
        "./code/scripts/lib.py",
        "./inputs/data/more.csv",
        "./inputs/data/raw.csv",
        "./settings.json",
    ]
    assert content["settings"] == {"upper": 3}


LEFT = {
    "nothing": ("print('done')", "left no file at `--output`"),
    "a folder": ("import os; os.mkdir('table.csv')", "left no file at `--output`"),
    "a link": ("import os; os.symlink('inputs/data/raw.csv', 'table.csv')", "left no file at"),
    "an empty file": ("open('table.csv', 'w')", "the table that it left is refused"),
    "a row too long": (
        "open('table.csv', 'w').write('a,b\\n1,2\\n1,2,3\\n')",
        "the table that it left is refused",
    ),
    "a column twice": (
        "open('table.csv', 'w').write('a,a\\n1,2\\n')",
        "more than one column `a`",
    ),
    "no text": ("open('table.csv', 'wb').write(b'a\\n\\xff\\n')", "is refused"),
    "an exception": ("open('table.csv', 'w').write('a\\n1\\n'); 1 / 0", "ZeroDivisionError"),
    "an exit code": ("open('table.csv', 'w').write('a\\n1\\n'); exit(3)", "exit code 3"),
    "a kill": ("import os; os.kill(os.getpid(), 9)", "was killed by SIGKILL, twice"),
    "a full disk": (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "open('table.csv', 'w').write('a\\n' * 9000)",
        "OSError: [Errno 27] File too large",
    ),
}


@pytest.mark.parametrize(("text", "words"), LEFT.values(), ids=LEFT)
def test_a_script_that_leaves_no_table_is_one_sentence(
    tmp_path: Path, text: str, words: str
) -> None:
    """Whatever it has left half-written, the fault names the script and says what happened."""
    fault = refusal(tmp_path, text)
    assert words in fault.what
    assert "scripts/clean.py" in f"{fault.where} {fault.what}"


def test_a_lock_a_python_and_a_time_limit_hold_for_tables(tmp_path: Path) -> None:
    """Other packages, no Python, or too long: before, or instead of, a table."""
    ran = f"open({str(tmp_path / 'ran')!r}, 'w'); "
    fault = refusal(tmp_path, ran + CLEAN, lock_text="numpy==0.1\n")
    assert f"numpy 0.1 is {version('numpy')}" in fault.what
    fault = refusal(tmp_path, ran + CLEAN, interpreter=".venv-none/bin/python")
    assert "there is no such Python" in fault.what
    assert not (tmp_path / "ran").exists()
    fault = refusal(tmp_path, "import time; time.sleep(60)", time_limit="1s")
    assert "did not finish within its time limit of 1s" in fault.what


CONFIG = """\
seed: 3
datasets:
  clean:
    script: scripts/clean.py
    sources: [scripts/lib.py]
    inputs: [data/raw.csv]
    lock: clean.lock
    columns: {c: {type: real, label: Warmth}}
    stan: {N: nrow(), y: c}
  points: {path: data/points.csv, stan: {N: nrow(), y: y}}
models:
  m: {program: stan/m.stan}
analyses:
  a:
    datasets: [clean]
    models: [m]
    methods: {nuts: {chains: 1}}
  b:
    datasets: [points]
    models: [m]
    methods: {nuts: {chains: 1}}
"""
CONTENT = {
    "data/points.csv": "0" * 64,
    "data/raw.csv": "1" * 64,
    "scripts/clean.py": "2" * 64,
    "scripts/lib.py": "3" * 64,
    "clean.lock": "4" * 64,
}
DATA = (Variable("N", "int", 0, ()), Variable("y", "real", 1, ("N",)))
FACTS = Facts(
    programs={"m": replace(PROGRAM, data=DATA)},
    files=CONTENT,
    compilers={"m": {}},
    toolchain={},
    waivers={},
)
Planned = Callable[..., Plan]


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planned:
    """Plan the declaration with a text of it exchanged, and a file of other content."""
    monkeypatch.chdir(tmp_path)

    def make(
        old: str = "",
        new: str = "",
        *,
        changed: str | None = None,
        hashes: dict[str, str] | None = None,
    ) -> Plan:
        assert old in CONFIG
        Path("config.yaml").write_text(CONFIG.replace(old, new, 1) if old else CONFIG)
        files = CONTENT | ({changed: "9" * 64} if changed else {}) | (hashes or {})
        return make_plan(load(Path("config.yaml")), replace(FACTS, files=files))

    return make


def changed_steps(one: Plan, other: Plan) -> set[str]:
    """Return `analysis/step` of those whose keys differ."""
    assert one.steps.keys() == other.steps.keys()
    return {
        f"{step.wildcards.get('analysis')}/{step.rule}"
        for name, step in one.steps.items()
        if step.key != other.steps[name].key
    }


AFTER = {
    "a/prepare_data",
    "a/sample_chain",
    "a/collect_draws",
    "a/diagnose_fit",
    "a/write_report",
    "a/check_verdicts",
}


@pytest.mark.parametrize("name", [name for name in CONTENT if "points" not in name])
def test_what_a_table_is_made_from_makes_it_and_what_follows_anew(
    planned: Planned, name: str
) -> None:
    """And nothing of an analysis that does not read it."""
    assert changed_steps(planned(), planned(changed=name)) == {"a/make_table", *AFTER}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lock: clean", "settings: {upper: 3}\n    lock: clean"),
        ("lock: clean", "seed: 4\n    lock: clean"),
    ],
)
def test_settings_and_seed_make_a_table_anew(planned: Planned, old: str, new: str) -> None:
    """The seed of the project does not: a script that draws at random has one of its own."""
    assert "a/make_table" in changed_steps(planned(), planned(old, new))
    seeds = changed_steps(planned(), planned("seed: 3", "seed: 4"))
    assert "a/make_table" not in seeds
    assert "a/sample_chain" in seeds


@pytest.mark.parametrize("more", ["python: env/bin/python", "time_limit: 1h"])
def test_what_runs_a_script_enters_no_key(planned: Planned, more: str) -> None:
    """Neither its Python, which the lock speaks for, nor how long it may take."""
    assert changed_steps(planned(), planned("lock: clean", f"{more}\n    lock: clean")) == set()


@pytest.mark.parametrize(("limit", "minutes"), [("", 30), ("90s", 30), ("2h", 125)])
def test_a_script_reserves_the_time_that_it_may_take(
    planned: Planned, limit: str, minutes: int
) -> None:
    """A cluster does not end it before its own time limit, of a table or of draws, does."""
    more = f"time_limit: {limit}" if limit else ""
    method = f"{{s: {{method: script, script: scripts/clean.py, lock: clean.lock, {more}}}}}"
    plans = (
        planned("lock: clean", f"{more}\n    lock: clean"),
        planned("{nuts: {chains: 1}}", method),
    )
    for plan, rule in zip(plans, ("make_table", "sample_fit"), strict=True):
        assert {step.minutes for step in plan if step.rule == rule} == {minutes}


def test_how_a_table_is_read_does_not_make_it_anew(planned: Planned) -> None:
    """Columns are checked where the table is read; a label is only shown."""
    assert changed_steps(planned(), planned("type: real,", "type: real, lower: 0,")) == {
        *AFTER,
    }
    assert changed_steps(planned(), planned("Warmth", "Heat")) == {
        "a/write_report",
        "a/check_verdicts",
    }


def test_the_data_follow_the_step_that_makes_their_table(planned: Planned) -> None:
    """They read its output, are held to its key, and name no file of the project."""
    plan = planned()
    data = plan.step("prepare_data", {"analysis": "a", "dataset": "clean", "model": "m"})
    made = plan.step("make_table", {"analysis": "a", "dataset": "clean"})
    assert data.upstream == (made,)
    assert data.inputs == {"clean": "results/a/clean/table.csv"}
    assert data.made_of["content"] == {}
    assert data.expected["results/a/clean/table.csv"]["key"] == made.key
    assert {s.wildcards["analysis"] for s in plan if s.rule == "make_table"} == {"a"}


def test_what_follows_a_script_knows_that_it_need_not_repeat(planned: Planned) -> None:
    """All that is made of its table, however far on, and nothing else."""
    plan = planned()
    made = plan.step("make_table", {"analysis": "a", "dataset": "clean"})
    after = {f"{s.wildcards['analysis']}/{s.rule}" for s in plan if s.unrepeated}
    assert after == AFTER
    assert {tuple(s.unrepeated.items()) for s in plan if s.unrepeated} == {
        ((made.key_file, made.key),)
    }


def test_each_analysis_has_the_table_of_one_key(planned: Planned) -> None:
    """So that it is made once, and tracked with each."""
    plan = planned("datasets: [points]", "datasets: [clean]")
    keys = {s.wildcards["analysis"]: s.key for s in plan if s.rule == "make_table"}
    assert keys.keys() == {"a", "b"}
    assert len(set(keys.values())) == 1


WHOLE = "    lock: clean.lock\n"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("scripts/clean.py", "/clean.py", "leads out of the project"),
        ("data/raw.csv", "../raw.csv", "leads out of the project"),
        ("scripts/lib.py", "scripts/clean.py", "this file is named twice"),
        (WHOLE, "", "'script' needs 'lock'"),
        (WHOLE, f"{WHOLE}    path: data/x.csv\n", "exclude each other"),
        (WHOLE, f"{WHOLE}    sha256: {'0' * 64}\n", "'sha256' goes with 'url'"),
        ("points: {", "points: {inputs: [data/raw.csv], ", "'inputs' goes with 'script'"),
        ("points: {", "points: {seed: 1, ", "'seed' goes with 'script'"),
        ("path: data/points.csv, ", "", "a dataset needs 'path', 'url' or 'script'"),
    ],
)
def test_a_declaration_of_a_table_is_whole(
    planned: Planned, old: str, new: str, words: str
) -> None:
    """One source for each table, files within the project, a lock, and nothing that is of none."""
    with pytest.raises(DeclarationError) as caught:
        planned(old, new)
    assert any(words in fault.what for fault in caught.value.faults)


def faults_of(plan: Plan) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        check_plan(plan)
    return [fault.what for fault in caught.value.faults]


def make_by_hand(plan: Plan, text: str, analysis: str = "a") -> None:
    """Leave a table as its step would have, with its key file."""
    step = plan.step("make_table", {"analysis": analysis, "dataset": "clean"})
    table = Path(step.outputs["table"])
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text(text)
    Path(step.key_file).parent.mkdir(parents=True, exist_ok=True)
    content = Content(table.stat().st_size, file_hash(table))
    Path(step.key_file).write_text(line_of(step.key, {"table": content}))


def test_what_does_not_depend_on_rows_is_checked_before_a_table_is_made(
    planned: Planned,
) -> None:
    """A program's data that nothing supplies, and a word that is none; a note says the rest."""
    Path("data").mkdir()
    Path("data/points.csv").write_text("y\n1\n")
    plan = planned()
    check_plan(plan)
    (note,) = notes_of(plan)
    assert "the table of dataset clean is not made yet: scripts/clean.py makes it" in note
    assert (
        "the program's data `y` (real, 1 dimension [N]) is not supplied"
        in faults_of(planned(", y: c}", ", x: c}"))[0]
    )
    assert "at character" in faults_of(planned("y: c}", "y: log(c}"))[0]
    check_plan(planned("y: c}", "y: log(other) + `an odd name`}"))
    step = plan.step("prepare_data", {"analysis": "a", "dataset": "clean", "model": "m"})
    with pytest.raises(DataError) as caught:
        data_of(plan, step)
    assert caught.value.faults[0].todo == "run first"


def test_a_table_that_was_made_is_checked_as_any(planned: Planned) -> None:
    """Its columns and values; one of another key, or one that was altered, counts as not made."""
    Path("data").mkdir()
    Path("data/points.csv").write_text("y\n1\n")
    plan = planned()
    make_by_hand(plan, "c\nwarm\n")
    assert "warm" in faults_of(plan)[0] or "real" in faults_of(plan)[0]
    check_plan(planned(changed="scripts/lib.py"))
    make_by_hand(plan, "c\n1.5\n")
    check_plan(plan)
    assert notes_of(plan) == []
    Path("results/a/clean/table.csv").write_text("c\nwarm\n")
    check_plan(plan)
    assert len(notes_of(plan)) == 1


def test_a_python_that_is_not_there_is_said_by_check(planned: Planned) -> None:
    """Where it is declared, what it says and what to do; not where nothing is to be run by it."""
    method = "{s: {method: script, script: scripts/clean.py, lock: clean.lock, python: no/py}}"
    faults = list(python_faults(planned("{nuts: {chains: 1}}", method)))
    assert [(f.key, f.value) for f in faults] == [("analyses.a.methods.s.python", "no/py")]
    assert "no such Python" in faults[0].what
    assert "python -m venv" in str(faults[0].todo)
    declared = "python: no/py\n    lock: clean"
    plan = planned("lock: clean", declared)
    assert [(f.key, f.where) for f in python_faults(plan)] == [
        ("datasets.clean.python", "config.yaml:7")
    ]
    make_by_hand(plan, "c\n1\n")
    assert list(python_faults(plan)) == []
    there = declared.replace("no/py", sys.executable)
    assert list(python_faults(planned("lock: clean", there))) == []


def test_what_a_table_is_made_from_comes_through_dvc(planned: Planned) -> None:
    """An input that is under DVC is fetched before a run, as a table is that lies in a file."""
    project = planned().project
    assert data_pointers(project) == []
    Path("data").mkdir()
    Path("data/raw.csv.dvc").write_text("outs: []\n")
    assert data_pointers(project) == ["data/raw.csv.dvc"]


def test_a_table_is_proved_from_its_inputs(
    planned: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record names what its key was made of; one that names another input proves nothing."""
    files = {"scripts/clean.py": CLEAN, "scripts/lib.py": "", "data/raw.csv": RAW}
    files["clean.lock"] = f"numpy=={version('numpy')}\n"
    for name, content in files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(content)
    plan = planned(hashes={name: file_hash(Path(name)) for name in files})
    step = plan.step("make_table", {"analysis": "a", "dataset": "clean"})
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    monkeypatch.setenv("STANCHION_CACHE", "cache")
    monkeypatch.setattr(runner, "_end_with_parent", lambda: None)
    monkeypatch.setattr(runner.signal, "signal", lambda *_: None)
    Path("job.json").write_text(step.job().text())
    assert runner.main(["job.json"]) == 0
    assert Path("results/a/clean/table.csv").read_text() == "c\n0.0\n10.0\n"
    assert read_results("a").custody.faults == ()
    (record,) = Path(step.records).iterdir()
    content = json.loads(record.read_text())
    content["inputs"][-1]["sha256"] = "7" * 64
    record.write_text(json.dumps(content))
    (fault,) = read_results("a").custody.faults
    assert fault.path == str(record)
    assert "no record before it proves its input" in fault.what

    shutil.rmtree("cache")
    Path("results/a/clean/table.csv").unlink()
    Path("data/raw.csv").write_text("f\n68\n")
    assert runner.main(["job.json"]) == 1  # edited after the plan: the key is of another input
    assert not Path("results/a/clean/table.csv").exists()


def leave(step: Step, table: str) -> None:
    """Write a step's key file by hand, as of a table of these bytes."""
    Path(step.key_file).parent.mkdir(parents=True, exist_ok=True)
    Path(step.key_file).write_text(line_of(step.key, {"table": Content(5, table * 64)}))


def test_two_tables_of_one_key_are_not_taken_for_one_another(planned: Planned) -> None:
    """What reads both is of another lineage whichever of them the script has left anew."""
    twin = "  twin:\n" + CONFIG[CONFIG.index("    script") : CONFIG.index("    columns")]
    text = CONFIG.replace("  points: {path", twin + "    stan: {N: nrow(), y: c}\n  points: {path")
    Path("config.yaml").write_text(text.replace("datasets: [clean]", "datasets: [clean, twin]"))
    plan = make_plan(load(Path("config.yaml")), FACTS)
    first, second = (
        plan.step("make_table", {"analysis": "a", "dataset": name}) for name in ("clean", "twin")
    )
    assert first.key == second.key
    report = plan.step("write_report", {"analysis": "a"})
    lineages = set()
    for one, other in product("12", repeat=2):
        leave(first, one)
        leave(second, other)
        lineages.add(lineage_of(report.unrepeated))
    assert len(lineages) == 4


def test_a_table_that_one_analysis_has_is_checked_before_another_has_it(planned: Planned) -> None:
    """The one that is not made yet stands first, and hides nothing of the one that is."""
    Path("data").mkdir()
    Path("config.yaml").write_text(CONFIG.replace("datasets: [points]", "datasets: [clean]"))
    plan = make_plan(load(Path("config.yaml")), FACTS)
    make_by_hand(plan, "c\nwarm\n", "b")
    with pytest.raises(DeclarationError, match="warm"):
        check_plan(plan)


@pytest.mark.parametrize("wrong", ["a", "b"])
def test_what_a_script_left_each_analysis_is_checked(planned: Planned, wrong: str) -> None:
    """Two tables of one key need not be the same: each is read, and the wrong one is named."""
    Path("data").mkdir()
    plan = planned("datasets: [points]", "datasets: [clean]")
    for analysis in ("a", "b"):
        make_by_hand(plan, "c\n1.5\n", analysis)
    check_plan(plan)
    make_by_hand(plan, "c\nwarm\n", wrong)
    with pytest.raises(DeclarationError, match="warm") as caught:
        check_plan(plan)
    (fault,) = caught.value.faults
    assert fault.where == f"results/{wrong}/clean/table.csv:2"


def test_a_python_is_not_missed_where_nothing_is_left_to_run(planned: Planned) -> None:
    """The chains of a script do not stay after a good run: they are not asked for again."""
    method = "{s: {method: script, script: scripts/clean.py, lock: clean.lock, python: no/py}}"
    text = CONFIG.replace("datasets: [clean]", "datasets: [points]", 1)
    Path("config.yaml").write_text(text.replace("{nuts: {chains: 1}}", method, 1))
    plan = make_plan(load(Path("config.yaml")), FACTS)
    assert len(list(python_faults(plan))) == 1
    for step in plan:
        for path in map(Path, step.outputs.values()):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
    for step in plan:
        Path(step.key_file).parent.mkdir(parents=True, exist_ok=True)
        outputs = contents(step.outputs, step.stamps)
        Path(step.key_file).write_text(line_of(step.key, outputs, lineage_of(step.unrepeated)))
    for path in (path for step in plan for path in step.drop):
        Path(path).unlink(missing_ok=True)
    assert list(python_faults(plan)) == []


def test_a_script_may_read_a_declared_program(planned: Planned, tmp_path: Path) -> None:
    """It is a file like any to the script: held to its bytes, and no program of the step."""
    files = ("scripts/clean.py", "scripts/lib.py", "data/raw.csv", "clean.lock", "stan/m.stan")
    for name in files:
        Path(name).parent.mkdir(exist_ok=True, parents=True)
        Path(name).write_text("data { int N; }")
    plan = planned(
        "sources: [scripts/lib.py]",
        "sources: [scripts/lib.py, stan/m.stan]",
        hashes={name: file_hash(Path(name)) for name in files},
    )
    step = plan.step("make_table", {"analysis": "a", "dataset": "clean"})
    with open_inputs(step.job(), tmp_path / "inputs") as inputs:
        assert [path.name for path in inputs.paths["sources"]] == ["lib.py", "m.stan"]


def test_updates_by_other_scripts_are_other_rows(tmp_path: Path) -> None:
    """Tables of two scripts are not the same rows; of one script, alike in all, they are."""
    config = tmp_path / "config.yaml"
    text = """\
seed: 3
datasets:
  one: {script: scripts/one.py, lock: l.lock, columns: {c: {type: real}}}
  two: {script: scripts/two.py, lock: l.lock, columns: {c: {type: real}}}
models:
  mean:
    conjugate: {family: normal, y: c, sd: 1, prior: {mean: 0, sd: 10}}
    update: [two]
analyses:
  a: {datasets: [one], models: [mean], methods: {conjugate: {}}}
"""
    config.write_text(text)
    load(config)
    config.write_text(text.replace("two.py", "one.py"))
    with pytest.raises(DeclarationError, match="counted already"):
        load(config)

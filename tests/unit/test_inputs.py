"""What a step reads: what was planned and what was recorded, or nothing."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stanchion.errors import DataError, StepError
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import Job, JobFile
from stanchion.plan.keys import key_of
from stanchion.provenance import keyfile
from stanchion.provenance.cache import Cache
from stanchion.provenance.stamps import Content, contents
from stanchion.stan import toolchain
from stanchion.stan.process import run_program
from stanchion.steps import inputs, runner
from stanchion.system.hashes import file_hash, text_hash
from stanchion.system.writing import write_whole

KEY = key_of({"arguments": {}})
UPSTREAM = "b" * 64
CHAIN, KEY_FILE = "results/chains/chain.csv", "results/.keys/chain"
MADE = {
    "step": "sample_chain",
    "key": UPSTREAM,
    "key_file": KEY_FILE,
    "job_file": ".stanchion/jobs/chain.json",
    "output": "chain",
}
TABLE_KEY_FILE = "results/.keys/make_table"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(runner, "_end_with_parent", lambda: None)
    monkeypatch.setattr(runner.signal, "signal", lambda *_: None)
    return tmp_path


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Job], None]], None]:
    def put(step: Callable[[Job], None]) -> None:
        module = SimpleNamespace(import_module=lambda _: SimpleNamespace(run=step))
        monkeypatch.setattr(runner, "importlib", module)
        monkeypatch.setattr(runner, "read_arguments", lambda kind, content, where: content)

    return put


def sha256(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def run(read: Mapping[str, Any], expected: Mapping[str, Any], **changes: Any) -> int:
    """Run a job that reads these inputs, held to what is expected of them."""
    Path("job.json").write_text(job_file(inputs=read, expected=expected, **changes).text())
    return runner.main(["job.json"])


def job_file(**changes: Any) -> JobFile:
    fields: dict[str, Any] = {
        "step": "collect_draws",
        "key": KEY,
        "made_of": {},
        "arguments": {},
        "unkeyed": {},
        "inputs": {},
        "expected": {},
        "outputs": {"draws": "results/fit/draws.nc"},
        "key_file": "results/fit/.keys/collect_draws",
        "stamps": ".stanchion/stamps/fit/collect_draws",
        "records": "results/fit/records/collect_draws",
        "log": "logs/collect_draws.log",
        "drop": (),
        "cached": True,
        **changes,
    }
    return JobFile(**fields)


def copy_input(job: Job) -> None:
    """A step whose result is what it read."""
    shutil.copyfile(job.path("data"), job.outputs["draws"])


def nothing_was_made() -> bool:
    """Whether no result, no key file and no entry of the cache was left, nor a copy."""
    paths = [*Path("results/fit").glob("draws.nc"), *Path("results/fit").glob(".keys/*")]
    paths += Path("cache/steps").rglob("entry.json")
    return not paths and not any(Path(".stanchion/tmp").rglob("*"))


def chain(text: str = "chain") -> None:
    """A chain as its step left it, with the key file that says so."""
    write_whole(CHAIN, text)
    digests = contents({"chain": CHAIN}, "nowhere/stamps")
    write_whole(KEY_FILE, keyfile.line_of(UPSTREAM, digests))


@pytest.mark.parametrize("change", ["same size", "gone", "folder", "pipe", "other file"])
def test_a_source_changed_since_planning_stops_its_step(
    use: Callable[..., None], capsys: pytest.CaptureFixture[str], change: str
) -> None:
    """A source that is not the planned one is named in a sentence; nothing is made or kept."""
    source = Path("data.csv")
    source.write_text("y\n1\n")
    expected = {"data.csv": {"sha256": sha256("y\n1\n")}}
    if change == "same size":
        source.write_text("y\n2\n")
    else:
        source.unlink()
    if change == "folder":
        source.mkdir()
    elif change == "pipe":
        os.mkfifo(source)
    elif change == "other file":
        Path("other").write_text("y\n3\n")
        source.symlink_to("other")
    use(copy_input)
    assert run({"data": "data.csv"}, expected) == 1
    output = capsys.readouterr().err
    assert "data.csv: it changed since this run was planned" in output
    assert "run again" in output and "Traceback" not in output
    assert nothing_was_made()


def test_a_step_reads_what_was_hashed(use: Callable[..., None]) -> None:
    """An edit while the step works is not read: the result is of the planned bytes."""
    Path("data.csv").write_text("y\n1\n")

    def edited_in_mid_run(job: Job) -> None:
        before = Path("data.csv").stat()
        Path("data.csv").write_text("y\n2\n")
        os.utime("data.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
        copy_input(job)

    use(edited_in_mid_run)
    assert run({"data": "data.csv"}, {"data.csv": {"sha256": sha256("y\n1\n")}}) == 0
    assert Path("results/fit/draws.nc").read_text() == "y\n1\n"
    (record,) = Path("results/fit/records/collect_draws").iterdir()
    (row,) = json.loads(record.read_text())["inputs"]
    assert row == {"name": "data", "path": "data.csv", "sha256": sha256("y\n1\n"), "size": 4}


def test_faults_and_notes_name_the_persons_file(
    use: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A step knows copies only; what it says names the files that a person knows."""
    Path("data.csv").write_text("y\nx\n")
    expected = {"data.csv": {"sha256": sha256("y\nx\n")}}

    def refuse(job: Job) -> None:
        raise DataError(f"{job.path('data')} holds x", where=f"{job.path('data')}:2", value="x")

    use(refuse)
    assert run({"data": "data.csv"}, expected) == 2
    assert "data.csv:2: data.csv holds x\n  value:    'x'" in capsys.readouterr().err

    def note(job: Job) -> None:
        job.notes["command"] = [f"data={job.path('data')}", f"output={job.outputs['draws']}"]
        copy_input(job)

    use(note)
    assert run({"data": "data.csv"}, expected) == 0
    record = Path(f"results/fit/records/collect_draws/{KEY[:12]}-2.json")
    noted = json.loads(record.read_text())["notes"]["command"]
    assert noted == ["data=data.csv", "output=results/fit/draws.nc"]


def test_inputs_of_a_list_keep_their_order(use: Callable[..., None]) -> None:
    """Files of one input are read in the plan's order, also where their names are alike."""
    names = [f"{letter}/chain.csv" for letter in "bac"]
    for name in names:
        write_whole(name, name)

    def join(job: Job) -> None:
        job.outputs["draws"].write_text("".join(path.read_text() for path in job.paths("chains")))

    use(join)
    assert run({"chains": names}, {name: {"sha256": sha256(name)} for name in names}) == 0
    assert Path("results/fit/draws.nc").read_text() == "".join(names)


@pytest.mark.parametrize("change", ["same size", "gone", "key file gone", "key of another"])
def test_an_altered_result_of_another_step_is_not_read(
    use: Callable[..., None], capsys: pytest.CaptureFixture[str], change: str
) -> None:
    """What is not what the step before recorded stops the step, which says that it is altered."""
    chain()
    if change == "same size":
        Path(CHAIN).write_text("CHAIN")
    elif change == "gone":
        Path(CHAIN).unlink()
    elif change == "key file gone":
        Path(KEY_FILE).unlink()
    else:
        digests = contents({"chain": CHAIN}, "nowhere/stamps")
        write_whole(KEY_FILE, keyfile.line_of("c" * 64, digests))
    use(copy_input)
    assert run({"data": CHAIN}, {CHAIN: MADE}) == 1
    output = capsys.readouterr().err
    assert f"{CHAIN}: it is not what sample_chain wrote: it was altered since" in output
    assert "run again, which makes it again" in output
    assert nothing_was_made()


@pytest.mark.parametrize("script", ["", "after a script"])
@pytest.mark.parametrize("change", ["same size", "gone"])
def test_an_altered_result_that_the_cache_holds_is_put_back(
    use: Callable[..., None], change: str, script: str
) -> None:
    """The step before wrote it, the cache kept it: it is there again, and the step goes on.

    What follows a person's own script is kept by what the script has left.
    """
    chain()
    unrepeated = {TABLE_KEY_FILE: "d" * 64} if script else {}
    table = {"table": Content(1, "e" * 64)}
    write_whole(TABLE_KEY_FILE, keyfile.line_of("d" * 64, table))
    upstream = job_file(step="sample_chain", key=UPSTREAM, unrepeated=unrepeated)
    write_whole(str(MADE["job_file"]), upstream.text())
    version = STEPS["sample_chain"].version
    hashes = {"chain": file_hash(Path(CHAIN))}
    key = upstream.cache_key()
    assert (key != UPSTREAM) == bool(script)
    Cache(Path("cache")).store("sample_chain", key, {"chain": Path(CHAIN)}, {}, version, hashes)
    shutil.rmtree(Path(CHAIN).parent) if change == "gone" else Path(CHAIN).write_text("CHAIN")
    use(copy_input)
    assert run({"data": CHAIN}, {CHAIN: MADE}) == 0
    assert Path("results/fit/draws.nc").read_text() == Path(CHAIN).read_text() == "chain"
    assert not any(Path(".stanchion/tmp").rglob("*"))


def test_a_job_told_something_else_than_its_key_makes_nothing(
    use: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A job file edited after planning is refused: its key is not that of its arguments."""
    Path("data.csv").write_text("y\n1\n")
    use(copy_input)
    expected = {"data.csv": {"sha256": sha256("y\n1\n")}}
    assert run({"data": "data.csv"}, expected, arguments={"seed": 2}) == 1
    assert "not what its key says" in capsys.readouterr().err
    assert nothing_was_made()


SCRIPT = "#!/bin/sh\necho planned > $1\n"


def sample(job: Job) -> None:
    command = [str(job.path("executable")), str(job.outputs["draws"])]
    run_program(command, job.log, chain="chain 1", descriptor=job.descriptors["executable"])


def executable(text: str = SCRIPT) -> dict[str, Any]:
    """A compiled program as its step left it; return what a job expects of it."""
    write_whole("model", text)
    Path("model").chmod(0o755)
    digests = contents({"executable": "model"}, "nowhere/stamps")
    write_whole("keys/model", keyfile.line_of(UPSTREAM, digests))
    result = {
        "step": "compile_program",
        "key": UPSTREAM,
        "key_file": "keys/model",
        "job_file": "none",
    }
    return {"model": {**result, "output": "executable"}}


def test_what_is_executed_is_what_was_hashed(use: Callable[..., None]) -> None:
    """A program edited or replaced between its hash and its start is not what runs."""

    def edited(job: Job) -> None:
        with Path("model").open("r+") as file:
            file.write(SCRIPT.replace("planned", "PLANNED"))
        sample(job)

    def replaced(job: Job) -> None:
        write_whole("model", SCRIPT.replace("planned", "replaced"))
        Path("model").chmod(0o755)
        sample(job)

    for step in (edited, replaced):
        expected = executable()
        shutil.rmtree("cache", ignore_errors=True)
        use(step)
        assert run({"executable": "model"}, expected) == 0
        assert Path("results/fit/draws.nc").read_text() == "planned\n"


def test_an_altered_program_is_not_executed(
    use: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A compiled program of other bytes does not run, and no chain of it is kept."""
    expected = executable()
    Path("model").write_text(SCRIPT.replace("planned", "PLANNED"))
    use(sample)
    assert run({"executable": "model"}, expected) == 1
    assert "model: it is not what compile_program wrote" in capsys.readouterr().err
    assert nothing_was_made()


def test_a_program_runs_under_its_own_name(tmp_path: Path) -> None:
    """Executed through a descriptor, a program is still seen by its path, and can start again."""
    true = shutil.which("sleep")
    assert true is not None
    descriptor = os.open(true, os.O_RDONLY)
    log = tmp_path / "log"
    ran = run_program(["a/model", "0"], log, chain="chain 1", descriptor=descriptor)
    assert ran["starts"] == 1
    os.close(descriptor)
    assert "$ a/model 0" in log.read_text()


PROGRAM = "functions {\n#include f.stanfunctions\n}\nmodel { target += f(PRIOR); }\n"
FUNCTION = "real f(real x) { return x; }\n"


@pytest.fixture
def stanc(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A stanc whose canonical form is the text with its includes, less comment lines.

    Return what a job expects of the program `stan/p.stan`.
    """
    write_whole("stan/p.stan", PROGRAM)
    write_whole("stan/functions/f.stanfunctions", FUNCTION)
    write_whole(
        "stanc",
        "#!/bin/sh\n"
        "for last; do :; done\n"
        'case "$*" in\n'
        '*--info*) echo \'{"inputs": {}, "parameters": {}, "transformed parameters": {},\''
        " '\"generated quantities\": {}}';;\n"
        '*) cat "$last" "$(dirname "$last")/f.stanfunctions" | grep -v "^//";;\n'
        "esac\n",
    )
    Path("stanc").chmod(0o755)
    monkeypatch.setattr(toolchain, "find", lambda: SimpleNamespace(stanc=Path("stanc").absolute()))
    texts = {"stan/p.stan": PROGRAM, "stan/functions/f.stanfunctions": FUNCTION}
    return {
        "program": text_hash(PROGRAM + FUNCTION),
        "files": {path: sha256(text) for path, text in texts.items()},
        "include_dirs": ["stan/functions"],
    }


def compile_both(job: Job) -> None:
    program = job.path("program")
    texts = [program.read_text(), (program.parent / "f.stanfunctions").read_text()]
    job.outputs["draws"].write_text("".join(texts))


def run_compile(expected: Mapping[str, Any]) -> int:
    return run({"program": "stan/p.stan"}, {"stan/p.stan": expected})


@pytest.mark.parametrize("path", ["stan/p.stan", "stan/functions/f.stanfunctions"])
def test_a_changed_program_or_include_stops_its_step(
    use: Callable[..., None], capsys: pytest.CaptureFixture[str], stanc: dict[str, Any], path: str
) -> None:
    """A program of another canonical form is not compiled; the file that changed is named."""
    Path(path).write_text(Path(path).read_text().replace("PRIOR", "10").replace("x;", "-x;"))
    use(compile_both)
    assert run_compile(stanc) == 1
    output = capsys.readouterr().err
    assert f"{path}: it changed since this run was planned" in output
    assert output.count("it changed") == 1
    assert nothing_was_made()


def test_an_include_that_appears_beside_the_program_stops_its_step(
    use: Callable[..., None], capsys: pytest.CaptureFixture[str], stanc: dict[str, Any]
) -> None:
    """A file that comes to hide an include is found, though no planned file has changed."""
    write_whole("stan/f.stanfunctions", FUNCTION.replace("x;", "2 * x;"))
    use(compile_both)
    assert run_compile(stanc) == 1
    assert "stan/f.stanfunctions: it changed" in capsys.readouterr().err
    assert nothing_was_made()


def test_a_comment_added_in_mid_run_stops_nothing(
    use: Callable[..., None], stanc: dict[str, Any]
) -> None:
    """What changes no canonical form changes no key; the record names the text that was read."""
    text = f"// a comment\n{PROGRAM}"
    Path("stan/p.stan").write_text(text)
    use(compile_both)
    assert run_compile(stanc) == 0
    (record,) = Path("results/fit/records/collect_draws").iterdir()
    rows = {row["path"]: row["sha256"] for row in json.loads(record.read_text())["inputs"]}
    assert rows == {**stanc["files"], "stan/p.stan": sha256(text)}


def test_a_program_and_its_includes_are_read_once(
    use: Callable[..., None], stanc: dict[str, Any]
) -> None:
    """Edits of program and include while the step works are not compiled."""

    def edited(job: Job) -> None:
        Path("stan/p.stan").write_text("model {}\n")
        Path("stan/functions/f.stanfunctions").write_text("")
        compile_both(job)

    use(edited)
    assert run_compile(stanc) == 0
    assert Path("results/fit/draws.nc").read_text() == PROGRAM + FUNCTION


def test_the_programs_own_error_names_the_persons_file(
    use: Callable[..., None], capsys: pytest.CaptureFixture[str], stanc: dict[str, Any]
) -> None:
    """A compiler that complains of an include's copy is quoted with the include's own path."""

    def refuse(job: Job) -> None:
        raise StepError("no", where=f"{job.path('program').parent}/f.stanfunctions:2")

    use(refuse)
    assert run_compile(stanc) == 1
    assert "stan/functions/f.stanfunctions:2: no" in capsys.readouterr().err


def test_disk_full_of_copies_is_one_sentence(
    use: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk without room for the copies is no change of the source."""
    Path("data.csv").write_text("y\n1\n")

    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(inputs.os, "copy_file_range", fill)
    use(copy_input)
    assert run({"data": "data.csv"}, {"data.csv": {"sha256": sha256("y\n1\n")}}) == 1
    assert "no space left on the device" in capsys.readouterr().err

"""The runner: what a step leaves behind, whatever happens to it."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from stanchion.errors import ChainError
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import Job, JobFile
from stanchion.plan.keys import key_of
from stanchion.provenance import cache
from stanchion.provenance.cache import Cache
from stanchion.provenance.runs import failures
from stanchion.runs.cache_contents import RESULTS, Contents
from stanchion.runs.cache_prune import made_with
from stanchion.steps import runner
from stanchion.system.folders import cache_root

KEY = key_of({"arguments": {}})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(runner, "_end_with_parent", lambda: None)
    monkeypatch.setattr(runner.signal, "signal", lambda *_: None)
    return tmp_path


def job_file(project: Path, **changes: object) -> Path:
    fields: dict[str, object] = {
        "step": "collect_draws",
        "key": KEY,
        "made_of": {},
        "arguments": {},
        "unkeyed": {},
        "inputs": {"data": "data.json"},
        "expected": {"data.json": {"sha256": hashlib.sha256(b"{}").hexdigest()}},
        "outputs": {"draws": "results/fit/draws.nc"},
        "key_file": "results/fit/.keys/collect_draws",
        "stamps": ".stanchion/stamps/fit/collect_draws",
        "records": "results/fit/records/collect_draws",
        "log": "logs/collect_draws.log",
        "drop": ("chain.csv",),
        "cached": True,
    }
    path = project / "job.json"
    path.write_text(JobFile(**{**fields, **changes}).text())
    (project / "data.json").write_text("{}")
    (project / "chain.csv").write_text("1")
    return path


def use(monkeypatch: pytest.MonkeyPatch, step: Callable[[Job], None]) -> None:
    """Have a function stand in for the step, with arguments that no step's dataclass describes."""
    monkeypatch.setattr(runner, "read_arguments", lambda kind, content, where: content)
    monkeypatch.setattr(
        runner, "importlib", SimpleNamespace(import_module=lambda _: SimpleNamespace(run=step))
    )


def write_draws(job: Job) -> None:
    job.outputs["draws"].write_text("draws")


def record(project: Path) -> dict[str, object]:
    (path,) = (project / "results/fit/records/collect_draws").glob(f"{KEY[:12]}-1.json")
    return json.loads(path.read_text())


def test_finished_step_leaves_outputs_record_and_key_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finished step has its outputs in place, a closed record and a key file, and no rest."""
    use(monkeypatch, write_draws)
    assert runner.main([str(job_file(project))]) == 0
    assert (project / "results/fit/draws.nc").read_text() == "draws"
    digest = hashlib.sha256(b"draws").hexdigest()
    output = (project / "results/fit/.keys/collect_draws").read_text()
    assert output == f"{KEY} draws=5:{digest}\n"
    content = record(project)
    assert content["state"] == "done" and content["exit_code"] == 0
    assert content["outputs"][0]["path"] == "results/fit/draws.nc"
    assert not (project / "chain.csv").exists()
    assert list((project / ".stanchion/tmp").iterdir()) == []


@pytest.mark.parametrize("fact", ["log", "started_anew", "not_saved"])
def test_what_a_person_should_know_is_said_behind_the_step(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fact: str
) -> None:
    """A log that is not whole, a chain that started anew, a state that was not saved."""

    def sample(job: Job) -> None:
        write_draws(job)
        job.notes[fact] = "one sentence"

    use(monkeypatch, sample)
    assert runner.main([str(job_file(project))]) == 0
    assert capsys.readouterr().err.rstrip().endswith("; warning: one sentence")


def test_what_a_person_should_know_of_a_run_is_said_with_its_name(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The runs of a procedure, once for all of which the same is to be said."""

    def sample(job: Job) -> None:
        write_draws(job)
        job.notes["runs"] = [
            {"name": "chain 1", "starts": 1, "not_saved": "It cannot be saved."},
            {"name": "chain 2", "not_saved": "It cannot be saved.", "log": "chain 2: It is cut."},
            {"log": "table.py: It is cut."},
        ]

    use(monkeypatch, sample)
    assert runner.main([str(job_file(project))]) == 0
    _, *warnings = capsys.readouterr().err.rstrip().split("; warning: ")
    assert warnings == [
        "chain 1 and 1 more: It cannot be saved.",
        "chain 2: It is cut.",
        "table.py: It is cut.",
    ]


def test_failed_step_leaves_a_record_and_nothing_else(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failed step says why, keeps its inputs, and leaves no output, half-written or whole."""

    def fail(job: Job) -> None:
        write_draws(job)
        raise ChainError("chain 3 did not start", where="logs/chain.log")

    use(monkeypatch, fail)
    assert runner.main([str(job_file(project))]) == 1
    assert not (project / "results/fit/draws.nc").exists()
    assert not (project / "results/fit/.keys/collect_draws").exists()
    assert (project / "chain.csv").exists()
    assert record(project)["state"] == "failed"
    output = capsys.readouterr().err
    assert "logs/chain.log: chain 3 did not start" in output and "Traceback" not in output


def test_full_disk_is_one_message(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No space left on the device is said in a sentence that names the file."""

    def fill(job: Job) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "draws.nc")

    use(monkeypatch, fill)
    assert runner.main([str(job_file(project))]) == 1
    output = capsys.readouterr().err
    assert "draws.nc: no space left on the device" in output and "Traceback" not in output


def test_a_draft_is_named_by_its_place(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could not be written is called by the path that a person knows, not by a key's."""

    def fill(job: Job) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(job.outputs["draws"]))

    use(monkeypatch, fill)
    assert runner.main([str(job_file(project))]) == 1
    output = capsys.readouterr().err
    assert "results/fit/draws.nc: no space left on the device" in output
    assert ".stanchion/tmp" not in output and KEY[:12] not in output


def test_unexpected_error_keeps_its_traceback_in_the_log(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error of ours is one line in the terminal; its traceback stands in the log."""

    def stumble(job: Job) -> None:
        raise ZeroDivisionError("oops")

    use(monkeypatch, stumble)
    assert runner.main([str(job_file(project))]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert "Traceback" in (project / "logs/collect_draws.log").read_text()


def test_second_run_of_a_key_is_reused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that the cache holds is not computed again, and the record says where it comes from."""

    def sample(job: Job) -> None:
        write_draws(job)
        job.notes["command"] = ["sample", "id=1"]

    use(monkeypatch, sample)
    runner.main([str(job_file(project))])
    (project / "results/fit/draws.nc").unlink()

    def never(job: Job) -> None:
        raise AssertionError("computed again")

    use(monkeypatch, never)
    assert runner.main([str(job_file(project))]) == 0
    (path,) = (project / "results/fit/records/collect_draws").glob(f"{KEY[:12]}-2.json")
    content = json.loads(path.read_text())
    assert content["state"] == "reused"
    first = project / f"results/fit/records/collect_draws/{KEY[:12]}-1.json"
    assert content["origin"]["record"] == str(first.relative_to(project))
    assert content["origin"]["sha256"] == hashlib.sha256(first.read_bytes()).hexdigest()
    assert content["origin"]["folder"] == str(project)
    assert content["notes"]["command"] == json.loads(first.read_text())["notes"]["command"]
    assert [(entry["path"], entry["sha256"]) for entry in content["inputs"]] == [
        ("data.json", hashlib.sha256(b"{}").hexdigest())
    ]


def test_step_that_writes_too_little_fails(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A step that returns without an output has failed, and the message names the output."""
    use(monkeypatch, lambda job: None)
    assert runner.main([str(job_file(project))]) == 1
    assert "did not write draws" in capsys.readouterr().err


def test_attempt_given_up_for_lost_changes_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that ends after a later one has begun leaves files, key and inputs alone."""

    def overtaken(job: Job) -> None:
        write_draws(job)
        records = project / "results/fit/records/collect_draws"
        (records / f"{KEY[:12]}-2.json").write_text("{}")

    use(monkeypatch, overtaken)
    assert runner.main([str(job_file(project))]) == 0
    assert record(project)["state"] == "superseded"
    assert not (project / "results/fit/draws.nc").exists()
    assert not (project / "results/fit/.keys/collect_draws").exists()
    assert (project / "chain.csv").exists()


def test_success_takes_back_an_earlier_failure(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that succeeds at its second attempt in a run has not failed in that run."""

    def stop(job: Job) -> None:
        raise runner.Stopped(15)

    use(monkeypatch, stop)
    assert runner.main([str(job_file(project))]) == 143
    assert [failure["exit_code"] for failure in failures()] == [143]
    use(monkeypatch, write_draws)
    assert runner.main([str(job_file(project))]) == 0
    assert failures() == []


def test_scratch_of_the_node_holds_what_is_being_written(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """$STANCHION_SCRATCH, with variables of the node in it, takes the place of .stanchion/tmp."""
    other = Path("/dev/shm") if Path("/dev/shm").is_dir() else project
    scratch = other / f"stanchion-{project.name}"
    monkeypatch.setenv("NODE_DISK", str(scratch))
    monkeypatch.setenv("STANCHION_SCRATCH", "$NODE_DISK")
    staged: list[Path] = []

    def note(job: Job) -> None:
        staged.append(job.outputs["draws"])
        write_draws(job)

    use(monkeypatch, note)
    try:
        assert runner.main([str(job_file(project))]) == 0
        assert staged[0].is_relative_to(scratch)
        assert list(scratch.iterdir()) == []
    finally:
        shutil.rmtree(scratch)
    assert [path.name for path in (project / "results/fit").glob("*draws*")] == ["draws.nc"]
    assert not list((project / ".stanchion").glob("tmp/*"))


def test_scratch_that_the_node_does_not_know_is_one_message(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A variable in $STANCHION_SCRATCH that the node does not set is named, and nothing is made."""
    monkeypatch.setenv("STANCHION_SCRATCH", "$NO_SUCH_DISK/x")
    use(monkeypatch, write_draws)
    assert runner.main([str(job_file(project))]) == 1
    output = capsys.readouterr().err
    assert "STANCHION_SCRATCH=$NO_SUCH_DISK/x names a variable" in output
    assert "Traceback" not in output
    assert not (project / "results/fit/draws.nc").exists()


def test_runs_that_compile_the_same_at_once_compile_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several processes that want one program, one compiles, the others wait and reuse."""
    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "cache"))
    code = (
        "import sys, time\n"
        "from types import SimpleNamespace\n"
        "from stanchion.steps import runner\n"
        "def compile_slowly(job):\n"
        "    open(sys.argv[2], 'a').write('compiled\\n')\n"
        "    time.sleep(1)\n"
        "    job.outputs['executable'].write_text('#!/bin/sh\\necho stan_version_major = 2\\n')\n"
        "    job.outputs['executable'].chmod(0o755)\n"
        "step = SimpleNamespace(run=compile_slowly)\n"
        "runner.read_arguments = lambda kind, content, where: content\n"
        "runner.importlib = SimpleNamespace(import_module=lambda _: step)\n"
        "sys.exit(runner.main([sys.argv[1]]))\n"
    )
    running = []
    for number in range(4):
        project = tmp_path / f"project{number}"
        project.mkdir()
        outputs = {"executable": ".stanchion/programs/p/model"}
        file = job_file(project, step="compile_program", outputs=outputs, drop=())
        arguments = [str(file), str(tmp_path / "compiled")]
        command = [sys.executable, "-c", code, *arguments]
        running.append(subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True))
    output = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 4, output
    assert (tmp_path / "compiled").read_text() == "compiled\n"
    assert sum("made before with the same data" in text for text in output) == 3
    assert not [path for path in (tmp_path / "cache/locks").rglob("*") if path.is_file()]


def test_without_locks_everybody_compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that cannot be written, or a file system without locks, stops nobody."""
    results = []
    (tmp_path / "file").write_text("")
    with Cache(tmp_path / "file").alone("compile_program", KEY):
        results.append("cache that cannot be written")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(cache.fcntl, "flock", refuse)
    with Cache(tmp_path / "cache").alone("compile_program", KEY):
        results.append("no locks")
    assert len(results) == 2


def test_job_of_another_version_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job that waited while Stanchion was installed anew makes nothing under its old key."""
    use(monkeypatch, write_draws)
    made_of = {"version": STEPS["collect_draws"].version - 1}
    key = key_of({**made_of, "arguments": {}})
    assert runner.main([str(job_file(project, made_of=made_of, key=key))]) == 1
    assert "another version of Stanchion has planned this run" in capsys.readouterr().err
    assert not (project / "results/fit/draws.nc").exists()
    assert not [path for path in (project / "cache").rglob("*") if path.is_file()]


def test_stop_after_publication_takes_nothing_back(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that is stopped once its results stand has ended well, and its record says so."""
    use(monkeypatch, write_draws)

    def stop(*_: object) -> None:
        raise runner.Stopped(2)

    monkeypatch.setattr(runner, "_keep", stop)
    assert runner.main([str(job_file(project))]) == 0
    assert record(project)["state"] == "done"
    assert (project / "results/fit/.keys/collect_draws").exists()
    assert not (project / "chain.csv").exists()


def test_stop_waits_until_the_results_stand(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal between the first output in its place and the key file takes effect after it."""
    monkeypatch.undo()
    monkeypatch.chdir(project)
    use(monkeypatch, write_draws)
    monkeypatch.setattr(runner, "_end_with_parent", lambda: None)
    monkeypatch.setenv("STANCHION_CACHE", str(project / "cache"))
    rename = runner._rename

    def stopped(staged: Path, final: Path) -> None:
        signal.raise_signal(signal.SIGTERM)
        rename(staged, final)

    monkeypatch.setattr(runner, "_rename", stopped)
    before = {number: signal.getsignal(number) for number in runner._SIGNALS}
    try:
        assert runner.main([str(job_file(project))]) == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert record(project)["state"] == "done"
    assert (project / "results/fit/.keys/collect_draws").exists()


def test_a_result_is_reused_only_of_the_same_lineage(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a script has left once more need not be what results of the same key were made from."""
    seen = []

    def write_lineage(job: Job) -> None:
        seen.append(job.made_of["lineage"])
        job.outputs["draws"].write_text(seen[-1])

    use(monkeypatch, write_lineage)
    table, states = Path("clean/.keys/make_table"), []
    table.parent.mkdir(parents=True)
    for digest in ("1", "2", "1"):
        table.write_text(f"{'a' * 64} table=5:{digest * 64}\n")
        path = job_file(project, unrepeated={str(table): "a" * 64})
        assert runner.main([str(path)]) == 0
        *_, last = sorted((project / "results/fit/records/collect_draws").glob("*.json"))
        states.append(json.loads(last.read_text())["state"])
        lineage = json.loads(last.read_text())["lineage"]
        assert (project / "results/fit/draws.nc").read_text() == lineage
        assert f"^{lineage} " in (project / "results/fit/.keys/collect_draws").read_text()
    assert states == ["done", "done", "reused"]
    assert len(set(seen)) == 2


def test_what_follows_a_script_is_kept_by_the_key_that_its_record_has(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its entry is named by key and lineage; pruning that keeps what is tracked finds it."""
    use(monkeypatch, lambda job: job.outputs["draws"].write_text("x") and None)
    table = Path("clean/.keys/make_table")
    table.parent.mkdir(parents=True)
    table.write_text(f"{'a' * 64} table=5:{'1' * 64}\n")
    path = job_file(project, unrepeated={str(table): "a" * 64})
    assert runner.main([str(path)]) == 0
    pieces = Contents(cache_root()).pieces((RESULTS,))
    assert KEY in {made_with(piece) for piece in pieces}

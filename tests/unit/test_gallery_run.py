"""`stanchion gallery --run`: analyses one by one, with runs that a test writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer

from stanchion.cli.gallery import gallery
from stanchion.errors import StanchionError, StoppedError
from stanchion.plan.facts import fetch_datasets
from stanchion.runs import gallery_run
from stanchion.runs.gallery import Entry, chosen_entries
from stanchion.runs.gallery_run import run_gallery, run_project

PASSED = {
    "exit_code": 0,
    "fits": [
        {"verdict": "pass", "state": "current"},
        {"verdict": "fail", "state": "current"},
        {"verdict": "pass", "state": "current"},
    ],
    "failures": [],
    "steps": 40,
}
BROKEN = {
    "exit_code": 1,
    "fits": [{"verdict": None, "state": "failed"}],
    "failures": [
        {"step": "sample_chain", "message": "no draws\nmore", "log": "logs/a", "exit_code": 1}
    ],
    "steps": 3,
}
FAULTY = {"schema": "stanchion/error/1", "exit_code": 2, "message": "x is no key\n  do: y"}


class Runs:
    """Runs that end as they are told to, and which of them there were."""

    def __init__(self, **documents: dict[str, Any]) -> None:
        self.documents = documents
        self.folders: list[Path] = []

    def __call__(self, folder: Path) -> dict[str, Any]:
        self.folders.append(folder)
        assert (folder / "config/config.yaml").is_file() and (folder / "Snakefile").is_file()
        return self.documents.get(folder.name, PASSED)


def lines_of(text: str) -> dict[str, str]:
    """Return the lines of a table by their first word."""
    return {line.split()[0]: line for line in text.splitlines()}


def test_the_others_run_after_one_that_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is laid out in its folder; the table says what each has come to, the exit code is 1."""
    runs = Runs(linear=BROKEN, coin=FAULTY)
    assert run_gallery(tmp_path, ["coin", "ab_test", "linear"], runs) == 1
    assert runs.folders == [tmp_path / name for name in ("linear", "ab_test", "coin")]
    lines = lines_of(capsys.readouterr().out)
    log = tmp_path / "linear/logs/a"
    assert f"failed: 1 failed; sample_chain: no draws ({log})" in lines["linear"]
    assert lines["ab_test"].endswith("done: 3 fits: 2 pass, 1 fail; 40 steps")
    assert lines["coin"].endswith("failed: x is no key")
    assert lines["all"].endswith("2 failed, 1 done")
    assert lines["reports:"].startswith(f"reports: {tmp_path}/NAME/")


def test_the_others_run_after_one_that_cannot_be_laid_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in the place of a project's folder, and a folder that cannot be written."""
    (tmp_path / "linear").touch()
    (tmp_path / "ab_test").mkdir()
    (tmp_path / "ab_test/config").symlink_to("/proc/1/nothing")
    runs = Runs()
    assert run_gallery(tmp_path, ["linear", "ab_test", "coin"], runs) == 1
    assert runs.folders == [tmp_path / "coin"]
    lines = lines_of(capsys.readouterr().out)
    assert lines["linear"].endswith(f"failed: {tmp_path / 'linear'}: this is a file, not a folder")
    assert "failed: " in lines["ab_test"] and "done" in lines["coin"]


def test_seconds_are_those_of_each_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Laying out is not counted; what is skipped has none."""
    clock = iter([10.0, 141.25, 200.0, 253.5])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    assert run_gallery(tmp_path, ["ab_test", "coin"], Runs()) == 0
    lines = lines_of(capsys.readouterr().out)
    end = lines["analysis"].index("seconds") + len("seconds")
    assert [lines[name][:end].split()[1] for name in ("ab_test", "coin", "all")] == [
        "131.2",
        "53.5",
        "184.8",
    ]


def test_what_is_there_stays_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second run overwrites no file of a project, and says where nothing was left to do."""
    declaration = tmp_path / "coin/config/config.yaml"
    declaration.parent.mkdir(parents=True)
    declaration.write_text("mine")
    assert run_gallery(tmp_path, ["coin"], Runs(coin=PASSED | {"steps": 0})) == 0
    assert declaration.read_text() == "mine"
    assert "3 fits: 2 pass, 1 fail; nothing had to run" in capsys.readouterr().out


def test_data_that_cannot_be_fetched_skip_an_analysis(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No failure; the reason says where the file may be put, and there it is taken."""
    (entry,) = chosen_entries(["ruggedness"])
    datasets = {
        name: dataset.model_copy(update={"url": "http://127.0.0.1:1/rugged.csv"})
        for name, dataset in entry.project.datasets.items()
    }
    project = entry.project.model_copy(update={"datasets": datasets})
    unreachable = Entry("ruggedness", 1, project)
    monkeypatch.setattr(gallery_run, "chosen_entries", lambda _names: [unreachable])
    runs = Runs()
    assert run_gallery(tmp_path, [], runs) == 0 and not runs.folders
    (sha256,) = {dataset.sha256 for dataset in datasets.values()}
    target = tmp_path / f"ruggedness/.stanchion/downloads/{sha256}.csv"
    line = lines_of(capsys.readouterr().out)["ruggedness"]
    assert "skipped: http://127.0.0.1:1/rugged.csv cannot be fetched" in line
    assert f"put it at {target}" in line

    content = b"1;2\n"
    monkeypatch.setattr("stanchion.plan.facts.file_hash", lambda _path: sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    assert run_gallery(tmp_path, [], runs) == 0 and runs.folders
    assert set(fetch_datasets(project, tmp_path / "ruggedness").values()) == {sha256}
    assert target.read_bytes() == content


class Scripted(Entry):
    """An analysis whose script declares a Python of its own."""

    @property
    def interpreters(self) -> dict[str, str]:
        """Return it, with its lock."""
        return {".venv-own/bin/python": "scripts/own.lock"}


def test_a_python_that_is_not_there_skips_an_analysis(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason names it; one in the folder of the command is linked into the project's."""
    (entry,) = chosen_entries(["coin"])
    scripted = Scripted(entry.name, entry.seconds, entry.project)
    monkeypatch.setattr(gallery_run, "chosen_entries", lambda _names: [scripted])
    monkeypatch.chdir(tmp_path)
    runs = Runs()
    assert run_gallery(Path("out"), [], runs) == 0 and not runs.folders
    line = lines_of(capsys.readouterr().out)["coin"]
    assert "skipped: there is no .venv-own/bin/python" in line
    assert "to make it: cd out/coin && python3 -m venv .venv-own && " in line
    (tmp_path / ".venv-own/bin").mkdir(parents=True)
    (tmp_path / ".venv-own/bin/python").symlink_to(sys.executable)
    assert run_gallery(Path("out"), [], runs) == 0 and runs.folders
    assert (tmp_path / "out/coin/.venv-own/bin/python").exists()


def test_a_signal_ends_it_with_what_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table has what was done, and what was stopped; the rest is not begun."""
    begun = []

    def run(folder: Path) -> dict[str, Any]:
        begun.append(folder.name)
        if folder.name == "ab_test":
            os.kill(os.getpid(), signal.SIGINT)
            signal.pause()
        return PASSED

    with pytest.raises(StoppedError):
        run_gallery(tmp_path, ["linear", "ab_test", "coin"], run)
    lines = lines_of(capsys.readouterr().out)
    assert begun == ["linear", "ab_test"] and "coin" not in lines
    assert "done" in lines["linear"] and "stopped: finished steps are kept" in lines["ab_test"]


def test_no_name_and_no_folder_are_refused(tmp_path: Path) -> None:
    """Before anything is laid out."""
    runs = Runs()
    with pytest.raises(StanchionError, match="no such analysis"):
        run_gallery(tmp_path / "out", ["coin", "coins"], runs)
    (tmp_path / "file").touch()
    with pytest.raises(StanchionError, match="a file, not a folder"):
        run_gallery(tmp_path / "file", ["coin"], runs)
    assert not runs.folders and not (tmp_path / "out").exists()


def test_a_project_is_run_by_a_process_of_its_own(tmp_path: Path) -> None:
    """What the command prints as JSON is the document, of a fault too."""
    document = run_project(tmp_path)
    assert document["exit_code"] == 1
    assert "there is no Snakefile in this folder" in document["message"]


def test_the_command_lists_or_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names choose for both; what has failed is the exit code of the command."""
    gallery(["coin"])
    listed = capsys.readouterr().out
    assert listed.startswith("coin, ") and "ab_test" not in listed
    calls = []

    def run(directory: Path, names: list[str]) -> int:
        calls.append((directory, names))
        return 1

    monkeypatch.setattr(gallery_run, "run_gallery", run)
    with pytest.raises(typer.Exit) as ended:
        gallery(["coin"], tmp_path)
    assert ended.value.exit_code == 1 and calls == [(tmp_path, ["coin"])]


CHILD = """\
import pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
def end(number, frame):
    time.sleep(1)
    (folder / "ended").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, end)
(folder / "begun").touch()
time.sleep(60)
"""
PARENT = """\
import subprocess, sys
from pathlib import Path
from stanchion.runs import gallery_run
begin = subprocess.Popen
def child(command, cwd, **rest):
    return begin([sys.executable, sys.argv[1], sys.argv[2]], **rest)
gallery_run.subprocess.Popen = child
gallery_run._lay_out = lambda entry, folder: None
gallery_run.run_gallery(Path(sys.argv[2]) / "runs", ["coin"])
"""


def test_a_run_that_is_stopped_ends_by_itself(tmp_path: Path) -> None:
    """A signal to the command alone is handed on, and the run has the time to end its steps."""
    for name, text in (("child.py", CHILD), ("parent.py", PARENT)):
        (tmp_path / name).write_text(text)
    command = [sys.executable, "parent.py", str(tmp_path / "child.py"), str(tmp_path)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 60
        while not (tmp_path / "begun").exists() and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert (tmp_path / "ended").exists()
    assert "the same command goes on" in output

"""What a record says of its step: who, where, with what, from which commit."""

from __future__ import annotations

import getpass
import hashlib
import json
import re
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stanchion.plan.job import JobFile
from stanchion.provenance.records import open_record
from stanchion.provenance.runs import PACKAGE, code_hash, describe_run
from stanchion.system.git import state_of_tree
from stanchion.system.hashes import file_hash
from stanchion.versions import dvc as versioning
from tests.versions import git, make_repository

KEY = "c" * 64
STANC = Path("../stanc")
TOOLCHAIN = {"version": "2.39.0", "origin": "wheel", "compiler": "g++", "flags": "-O3", "cpu": "x"}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCHION_RUN_ID", "the-run")
    make_repository(tmp_path)
    (tmp_path.parent / "stanc").write_text("the compiler")
    return tmp_path


def opened() -> dict[str, Any]:
    """Describe the run, open a record and return what is on disk before the work."""
    describe_run("schools", TOOLCHAIN, STANC)
    job = JobFile(
        step="sample_chain",
        key=KEY,
        made_of={"version": 1},
        arguments={"seed": 7, "warmup": 1000},
        unkeyed={},
        inputs={},
        expected={},
        outputs={},
        key_file="k",
        stamps="s",
        records="records/sample_chain.1",
        log="log",
        drop=(),
        cached=True,
    )
    content: dict[str, Any] = json.loads(open_record(job).path.read_text())
    return content


def test_a_record_says_what_made_the_result() -> None:
    """Key and what it was made of, arguments with their defaults, toolchain and packages."""
    content = opened()
    assert (content["key"], content["made_of"]) == (KEY, {"version": 1})
    assert content["arguments"] == {"seed": 7, "warmup": 1000}
    assert content["toolchain"] == TOOLCHAIN
    assert content["packages"]["numpy"] == np.__version__
    assert (content["run"], content["attempt"], content["state"]) == ("the-run", 1, "started")


def test_a_record_says_who_and_where_and_when() -> None:
    """User, host, and the start in UTC to the millisecond."""
    content = opened()
    assert (content["user"], content["host"]) == (getpass.getuser(), socket.gethostname())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", content["started"])


def test_a_record_names_the_commit_of_a_clean_tree() -> None:
    """Commit and branch are there; a clean tree has no diff."""
    assert opened()["git"] == {
        "commit": git("rev-parse", "HEAD"),
        "branch": "main",
        "dirty": False,
        "diff_sha256": None,
    }


@pytest.mark.parametrize("line", ["seed: 2\n", "# Größe\n", "caf\\xe9\n"])
def test_a_record_names_the_diff_of_a_dirty_tree(project: Path, line: str) -> None:
    """What is not committed is named by the hash of the diff, whatever its encoding."""
    path = project / ".gitignore"
    path.write_bytes(path.read_bytes() + line.encode().decode("unicode_escape").encode("latin-1"))
    state = opened()["git"]
    assert state["dirty"]
    assert re.fullmatch("[0-9a-f]{64}", state["diff_sha256"])
    assert state["diff_sha256"] != hashlib.sha256(b"").hexdigest()
    path.write_bytes(path.read_bytes() + b"more\n")
    assert opened()["git"]["diff_sha256"] != state["diff_sha256"]


def test_untracked_files_are_part_of_what_differs(project: Path) -> None:
    """A program that git does not know yet makes the tree dirty, and its content is in the hash."""
    results = []
    for text in ("model {}", "model { }"):
        (project / "new.stan").write_text(text)
        results.append(opened()["git"])
    assert [entry["dirty"] for entry in results] == [True, True]
    assert results[0]["diff_sha256"] != results[1]["diff_sha256"]


@pytest.mark.parametrize("folder", [".", "inner"])
def test_what_a_run_makes_itself_is_no_change(
    project: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """DVC's own files, set up by a first run, leave the tree clean; so do pointers."""
    (project / folder).mkdir(exist_ok=True)
    monkeypatch.chdir(project / folder)
    versioning.set_up()
    Path("results").mkdir()
    Path("results/means.dvc").write_text("outs:\n")
    assert "?? " in git("status", "--porcelain")
    state = state_of_tree()
    assert state is not None
    assert (state["dirty"], state["diff_sha256"]) == (False, None)
    Path("mine.csv").write_text("y")
    assert (state_of_tree() or {})["dirty"]


@pytest.mark.parametrize("folder", [".", "inner"])
def test_what_track_has_written_anew_is_no_change(
    project: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """Pointers, manifests and metrics that git knows change no tree, staged or tracked again; a
    program that was edited beside them does, by a hash of its own change alone.
    """
    (project / folder).mkdir(exist_ok=True)
    monkeypatch.chdir(project / folder)
    written = [Path("results/means.dvc"), Path("results/means.manifest.json"), Path("dvc.yaml")]
    Path("results").mkdir()
    Path("model.stan").write_text("model {}\n")
    git("add", "model.stan")
    git("commit", "--quiet", "--message", "A program")
    for path in written:
        path.write_text("first\n")
    git("add", "--force", *map(str, written))
    assert not (state_of_tree() or {})["dirty"]
    git("commit", "--quiet", "--message", "Results")
    Path("model.stan").write_text("model { }\n")
    edited = state_of_tree()
    for path in written:
        path.write_text("second\n")
    assert (edited or {})["dirty"]
    assert state_of_tree() == edited
    git("checkout", "--quiet", "HEAD", "--", "model.stan")
    assert "results/means.dvc" in git("status", "--porcelain")
    assert not (state_of_tree() or {})["dirty"]


def test_no_setting_of_git_hides_an_edit(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one that has `git diff` look below this folder alone."""
    (project / "inner").mkdir()
    (project / "beside.csv").write_text("y\n")
    git("add", "beside.csv")
    git("commit", "--quiet", "--message", "A table")
    git("config", "diff.relative", "true")
    monkeypatch.chdir(project / "inner")
    assert not (state_of_tree() or {})["dirty"]
    (project / "beside.csv").write_text("y\n1\n")
    assert (state_of_tree() or {})["dirty"]


def test_an_edited_module_or_compiler_shows(project: Path, tmp_path: Path) -> None:
    """The record has a hash of the package's code and of stanc, as they lie there."""
    before = opened()["code"]
    copy = tmp_path / "copy"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert before == {"stanchion": code_hash(copy), "stanc": file_hash(STANC)}
    module = copy / "checks/gate.py"
    module.write_text(f"{module.read_text()}\nEDITED = True\n")
    STANC.write_text("The compiler")
    assert code_hash(copy) != before["stanchion"]
    assert opened()["code"]["stanc"] != before["stanc"]


def test_a_record_names_the_schedulers_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a cluster's node the scheduler's job is named."""
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    assert opened()["scheduler"] == {"name": "slurm", "job": "4711"}

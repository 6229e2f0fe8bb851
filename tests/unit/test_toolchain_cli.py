"""`stanchion toolchain` as it is typed: what it prints, its exit codes, and its refusals."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from stanchion.stan.toolchain.pieces import WHEEL, WHEEL_VERSION, wheel_layout
from tests.unit.test_toolchain import cmdstan, seal

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the command with an empty home and cache."""
    stored = {name: value for name, value in os.environ.items() if "CMDSTAN" not in name}
    environ = {"HOME": str(tmp_path / "home"), "STANCHION_CACHE": str(tmp_path / "cache")}

    def call(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stanchion", "toolchain", *words],
            env={**stored, "CONDA_PREFIX": "", **environ, **more},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return call


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A layout from the wheel, sealed, in the cache."""
    return seal(cmdstan(tmp_path / "cache" / "toolchains" / wheel_layout().name))


def fake_wheel(folder: Path) -> Path:
    """Make a wheel that pip takes for the pinned one."""
    folder.mkdir()
    stem = f"{WHEEL}-{WHEEL_VERSION}"
    metadata = f"Metadata-Version: 2.1\nName: {WHEEL}\nVersion: {WHEEL_VERSION}\n"
    tag = "cp312-cp312-manylinux_2_17_x86_64"
    wheel = f"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: false\nTag: {tag}\n"
    files = {f"{stem}.dist-info/METADATA": metadata, f"{stem}.dist-info/WHEEL": wheel}
    files[f"{WHEEL}/stanc"] = "#!/bin/sh\necho not the compiler\n" * 500
    record = [f"{stem}.dist-info/RECORD,,"]
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        record.append(f"{name},sha256={digest.decode()},{len(text)}")
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (files | {f"{stem}.dist-info/RECORD": "\n".join(record)}).items():
            archive.writestr(name, text)
    return path


def test_path_is_one_line(run: Run, installed: Path) -> None:
    """`path` prints the path and nothing else, on one stream."""
    completed = run("path")
    assert (completed.returncode, completed.stdout, completed.stderr) == (0, f"{installed}\n", "")


def test_without_cmdstan_the_way_to_one_is_named(run: Run) -> None:
    """`path`, `show` and `check` fail with the command that installs one, and print no path."""
    for command in ("path", "show", "check"):
        completed = run(command)
        assert (completed.returncode, completed.stdout) == (1, "")
        assert "run `stanchion toolchain install`" in completed.stderr
        assert "Traceback" not in completed.stderr


def test_show_tells_what_it_is_made_of(run: Run, installed: Path) -> None:
    """Version, origin, hashes, compiler, flags and CPU target, for people and as JSON."""
    about = json.loads(run("show", "--json").stdout)
    assert about["schema"] == "stanchion/toolchain-description/1"
    expected = {
        "path": str(installed),
        "version": "2.39.0",
        "origin": "wheel",
        "found_by": "cache",
        "stanc_sha256": "aa",
        "driver_sha256": "bb",
        "compiler": "g++ 12",
        "flags": "-O3",
        "cpu": "x86-64",
        "chains": "go on after a kill",
    }
    assert {name: about[name] for name in expected} == expected
    lines = dict(line.split(":", 1) for line in run("show").stdout.splitlines())
    assert {name: lines[name].strip() for name in expected} == expected


def test_licences_are_lines(run: Run, installed: Path) -> None:
    """`show --licences` names every part, its licence, and where its text is."""
    lines = run("show", "--licences").stdout.splitlines()
    for part in ("Stan 2.39.0: BSD-3-Clause", "Eigen 3.4.0: MPL-2.0", "Boost", "SUNDIALS"):
        assert any(line.startswith(part) for line in lines), part


def test_a_real_cmdstan_is_used_and_said(run: Run, installed: Path, tmp_path: Path) -> None:
    """Where somebody installed CmdStan, it goes before our own, and `show` says so."""
    theirs = cmdstan(tmp_path / "home" / ".cmdstan" / "cmdstan-2.36.0")
    about = json.loads(run("show", "--json").stdout)
    assert (about["path"], about["origin"], about["found_by"]) == (
        str(theirs),
        "found",
        "~/.cmdstan",
    )
    assert about["licences"] == []
    lines = dict(line.split(":", 1) for line in run("show").stdout.splitlines())
    assert about["chains"] == lines["chains"].strip() == "start anew after a kill"


def test_a_folder_is_chosen_and_checked(run: Run, tmp_path: Path) -> None:
    """`install --from DIR` prints the folder, which `path` prints from then on."""
    folder = cmdstan(tmp_path / "mine")
    assert run("install", "--from", str(folder)).stdout == f"{folder}\n"
    assert run("path").stdout == f"{folder}\n"
    completed = run("install", "--from", str(tmp_path / "nowhere"))
    assert completed.returncode == 1
    assert "a folder with `makefile` and `bin/stanc`" in completed.stderr


@pytest.mark.parametrize("source", ["release", "somewhere"])
def test_wheels_are_for_the_wheel(run: Run, tmp_path: Path, source: str) -> None:
    """`--offline` beside another source is refused rather than passed over."""
    completed = run("install", "--from", source, "--offline", str(tmp_path))
    assert completed.returncode == 1
    assert "leave out one of --from and --offline" in completed.stderr


@pytest.mark.parametrize("how", ["changed", "truncated", "missing"])
def test_only_the_pinned_wheel_is_installed(run: Run, tmp_path: Path, how: str) -> None:
    """A wheelhouse with another file of that name, half of one, or none: nothing is left behind."""
    wheel = fake_wheel(tmp_path / "wheels")
    if how == "truncated":
        wheel.write_bytes(wheel.read_bytes()[: wheel.stat().st_size // 2])
    if how == "missing":
        wheel.unlink()
    completed = run("install", "--offline", str(tmp_path / "wheels"), PIP_CONFIG_FILE=os.devnull)
    assert (completed.returncode, completed.stdout) == (1, "")
    assert "Traceback" not in completed.stderr
    output = "is not the wheel that Stanchion knows" if how == "changed" else "holds no wheel"
    assert output in completed.stderr
    assert [path.name for path in (tmp_path / "cache/toolchains").iterdir()] == [".lock"]
    assert run("path").returncode == 1

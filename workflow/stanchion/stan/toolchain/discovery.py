"""Looks for CmdStan: CMDSTAN, an active conda environment, ~/.cmdstan, Stanchion's own cache.

It is done at each parse of the Snakefile: standard library only, and hashes are remembered.
"""

from __future__ import annotations

import json
import os
import platform
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from stanchion.errors import ToolchainError
from stanchion.stan.toolchain.compiler import NATIVE, compiler, native_target
from stanchion.stan.toolchain.description import Toolchain, manifest
from stanchion.stan.toolchain.pieces import wheel_layout
from stanchion.system.folders import cache_root, home
from stanchion.system.hashes import file_hash, text_hash

INSTALL = "run `stanchion toolchain install`"
_VERSION = re.compile(r"^CMDSTAN_VERSION := (\S+)$", re.MULTILINE)
_RELEASE = re.compile(r"cmdstan-(\d+)\.(\d+)\.(\d+)(-rc\d+)?")


def toolchains_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where own toolchains lie: in the user's cache."""
    return cache_root(environ) / "toolchains"


def find(environ: Mapping[str, str] = os.environ) -> Toolchain:
    """Return the CmdStan to use.

    Raises:
        ToolchainError: there is none, or CMDSTAN names a folder that is not a built CmdStan.
    """
    if named := environ.get("CMDSTAN"):
        return describe_cmdstan(Path(named), "CMDSTAN", environ)
    for folder, found_by in _installed_by_others(environ):
        if is_cmdstan(folder):
            return describe_cmdstan(folder, found_by, environ)
    toolchains = toolchains_folder(environ)
    for folder in (toolchains / "chosen", toolchains / wheel_layout().name):
        if folder.is_symlink() or manifest(folder) is not None:
            return describe_cmdstan(folder, "cache", environ)
    raise ToolchainError("there is no CmdStan", where=str(toolchains), todo=INSTALL)


def is_cmdstan(folder: Path) -> bool:
    """Return whether a folder holds a built CmdStan."""
    return (folder / "makefile").is_file() and (folder / "bin" / "stanc").is_file()


def describe_cmdstan(folder: Path, found_by: str, environ: Mapping[str, str]) -> Toolchain:
    """Describe the CmdStan in a folder.

    Raises:
        ToolchainError: the folder does not hold a built CmdStan.
    """
    folder = Path(os.path.realpath(folder))
    if not is_cmdstan(folder):
        raise ToolchainError(
            f"{found_by} names a folder that is not a built CmdStan",
            where=str(folder),
            allowed="a folder with `makefile` and `bin/stanc`",
            todo="build it there with `make build`; or correct or unset CMDSTAN"
            if found_by == "CMDSTAN"
            else INSTALL,
        )
    content = manifest(folder)
    facts = _from_manifest(content) if content else _from_folder(folder, environ)
    return Toolchain(path=folder, found_by=found_by, stanc=folder / "bin" / "stanc", **facts)


def _installed_by_others(environ: Mapping[str, str]) -> list[tuple[Path, str]]:
    folders = []
    if prefix := environ.get("CONDA_PREFIX"):
        folders.append((Path(prefix) / "bin" / "cmdstan", "conda"))
    releases = [
        (tuple(map(int, match.groups()[:3])), match[4] is None, folder)
        for folder in (home(environ) / ".cmdstan").glob("cmdstan-*")
        if (match := _RELEASE.fullmatch(folder.name))
    ]
    return folders + [(folder, "~/.cmdstan") for *_, folder in sorted(releases, reverse=True)]


def _from_manifest(content: dict[str, Any]) -> dict[str, Any]:
    """The compiler is the one that built the driver: a node without g++ has the same keys."""
    return {
        "version": content["version"],
        "origin": content["origin"],
        "stanc_sha256": content["stanc_sha256"],
        "driver_sha256": content["driver_sha256"],
        "compiler": content["compiler"]["command"],
        "compiler_version": content["compiler"]["version"],
        "flags": content["flags"],
        "cpu": content["cpu"],
    }


def _from_folder(folder: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    version = _VERSION.search((folder / "makefile").read_text(errors="replace"))
    local = folder / "make" / "local"
    lines = local.read_text(errors="replace").splitlines() if local.is_file() else []
    built_with = compiler(environ)
    flags = "; ".join(line.strip() for line in lines if line.strip() and line[0] != "#")
    machine = platform.machine()
    return {
        "version": version[1] if version else "unknown",
        "origin": "found",
        "stanc_sha256": _remembered_hash(folder / "bin" / "stanc", environ),
        "driver_sha256": None,
        "compiler": built_with.command if built_with else "g++",
        "compiler_version": built_with.version if built_with else None,
        "flags": flags,
        "cpu": native_target(built_with.command) if built_with and NATIVE in flags else machine,
    }


def _remembered_hash(file: Path, environ: Mapping[str, str]) -> str:
    """Return a file's SHA-256, remembered for its path, size and time."""
    state = file.stat()
    known_as = f"{file} {state.st_size} {state.st_mtime_ns}"
    name = text_hash(known_as)
    note = toolchains_folder(environ) / "known" / f"{name}.json"
    with suppress(OSError, ValueError, KeyError):
        return str(json.loads(note.read_text())["sha256"])
    digest = file_hash(file)
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=note.parent, prefix=".")
        with os.fdopen(handle, "w") as sink:
            json.dump({"file": str(file), "sha256": digest}, sink)
        Path(temporary).replace(note)
    return digest

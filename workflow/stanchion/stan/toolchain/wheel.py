"""Gets the pinned wheel through pip's own configuration, and takes from it what a CmdStan needs."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from stanchion.errors import ToolchainError
from stanchion.stan.toolchain.pieces import WHEEL, WHEEL_SHA256, WHEEL_VERSION
from stanchion.system.hashes import file_hash

REQUIREMENT = f"{WHEEL}=={WHEEL_VERSION}"
DOWNLOAD = [
    *("download", "--no-deps", "--only-binary", ":all:", "--python-version", "3.12"),
    *("--platform", "manylinux_2_17_x86_64", REQUIREMENT),
]
_NEEDED = re.compile(r"stanc$|lib/(?!libtbb\.so$)|include/(?!pybind11/|unsupported/test/)")
_BLOCK = 1 << 20


def require_platform() -> None:
    """Refuse machines that the wheel is not made for.

    Raises:
        ToolchainError: this is not x86-64 Linux with the GNU C library.
    """
    system, machine = platform.system(), platform.machine()
    if system != "Linux" or machine not in ("x86_64", "AMD64") or not platform.libc_ver()[0]:
        raise ToolchainError(
            f"the wheel that carries CmdStan's parts is made for x86-64 Linux (glibc), and this "
            f"is {system} on {machine}",
            todo="`conda install -c conda-forge cmdstan`, or "
            "`stanchion toolchain install --from release`",
        )


def download(folder: Path, offline: Path | None) -> Path:
    """Put the wheel into a folder and return its path; `offline` is a folder of wheels.

    Raises:
        ToolchainError: pip is missing, the wheel cannot be had, or it is not the pinned one.
    """
    more = ["--no-index", "--find-links", str(offline.resolve())] if offline else []
    command = [*_pip(), *DOWNLOAD, "--dest", str(folder), "--quiet", *more]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    wheel = next(folder.glob(f"{WHEEL}-{WHEEL_VERSION}-*.whl"), None)
    if completed.returncode or wheel is None:
        raise _not_had(completed.stderr, offline)
    verify(wheel)
    return wheel


def verify(wheel: Path) -> None:
    """Refuse a wheel that is not the pinned one.

    Raises:
        ToolchainError: the SHA-256 differs.
    """
    digest = file_hash(wheel)
    if digest != WHEEL_SHA256:
        raise ToolchainError(
            f"{wheel.name} is not the wheel that Stanchion knows: changed or truncated",
            value=digest,
            allowed=WHEEL_SHA256,
            todo="download it again from an index you trust",
        )


def unpack(wheel: Path, folder: Path) -> str:
    """Lay headers, libraries and stanc out in a folder; return one hash of all the headers."""
    headers = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        for member in sorted(archive.infolist(), key=lambda m: m.filename):
            name = member.filename.removeprefix(f"{WHEEL}/")
            if member.is_dir() or not _NEEDED.match(name):
                continue
            target = folder / ("bin/stanc" if name == "stanc" else name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, _BLOCK)
            if name.startswith("include/"):
                headers.update(f"{name} {member.CRC:08x} {member.file_size}\n".encode())
    (folder / "bin" / "stanc").chmod(0o755)
    return headers.hexdigest()


def _pip() -> list[str]:
    """Return a pip that runs: this Python's, the one on PATH, or one that uv brings."""
    candidates = [[sys.executable, "-m", "pip"], ["pip"], ["uv", "tool", "run", "--quiet", "pip"]]
    for candidate in candidates:
        try:
            completed = subprocess.run([*candidate, "--version"], capture_output=True, check=False)
        except OSError:
            continue
        if completed.returncode == 0:
            return candidate
    raise ToolchainError(
        "there is no pip to download the CmdStan wheel with",
        todo=f"`uv pip install pip`, or `{sys.executable} -m ensurepip`",
    )


def _not_had(output: str, offline: Path | None) -> ToolchainError:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    reason = next((line for line in reversed(lines) if line.startswith("ERROR")), "")
    reason = (reason or (lines[-1] if lines else "pip gave no reason")).removeprefix("ERROR: ")
    if offline:
        return ToolchainError(
            f"the folder holds no wheel {REQUIREMENT} for x86-64 Linux ({reason})",
            where=str(offline),
            todo=f"elsewhere, `pip {' '.join(DOWNLOAD)}`, and carry the file into that folder",
        )
    return ToolchainError(
        f"the package index did not give the wheel {REQUIREMENT}: {reason}",
        todo="connect to the network or set pip's index; or carry the wheel in: elsewhere, "
        f"`pip {' '.join(DOWNLOAD)}`, then `stanchion toolchain install --offline WHEELHOUSE`",
    )

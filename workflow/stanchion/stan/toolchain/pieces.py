"""What a layout from the wheel is made of: the pinned wheel, and the package's own sources."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

VERSION = "2.39.0"
WHEEL = "httpstan"
WHEEL_VERSION = "4.17.0"
WHEEL_SHA256 = "7f73e29a415718ddc45e4703c0253a9d4adc6a21aa7110ccf36821a0f94202cd"

HERE = Path(__file__).parent
MAKEFILE = HERE / "share" / "makefile"
DRIVER = HERE / "driver"
TOOLS = HERE / "tools"
_SOURCES = (".cpp", ".hpp")


@dataclass(frozen=True)
class WheelLayout:
    """The folder that a wheel and these sources make; another driver makes another folder."""

    name: str
    driver_sha256: str


@cache
def wheel_layout() -> WheelLayout:
    """Return the name of the layout's folder and the hash of the driver's sources."""
    driver = _hash_of([MAKEFILE, *sources(DRIVER)])
    everything = hashlib.sha256(WHEEL_SHA256.encode())
    everything.update(f"{driver} {_hash_of(sources(TOOLS))}".encode())
    return WheelLayout(f"cmdstan-{VERSION}-wheel-{everything.hexdigest()[:12]}", driver)


def sources(folder: Path) -> list[Path]:
    """Return a folder's C++ files, sorted."""
    return sorted(file for file in folder.glob("*") if file.suffix in _SOURCES)


def _hash_of(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()

"""What a toolchain is: where it came from, what it is made of, and what of that enters keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stanchion.stan.toolchain.compiler import NATIVE, native_target

MANIFEST = "stanchion-toolchain.json"
SCHEMA = "stanchion/toolchain/1"


@dataclass(frozen=True)
class Toolchain:
    """A CmdStan that is ready to use.

    `origin` is "wheel", "release" or "found" (somebody else installed it); `found_by` says where it
    was looked up. `compiler` is a command; flags are those that every program is compiled with.
    """

    path: Path
    version: str
    origin: str
    found_by: str
    stanc: Path
    stanc_sha256: str
    driver_sha256: str | None
    compiler: str
    compiler_version: str | None
    flags: str
    cpu: str

    def identity(self) -> dict[str, Any]:
        """Return what of this toolchain a compiled program depends on, as plain JSON."""
        return {
            "version": self.version,
            "origin": self.origin,
            "stanc_sha256": self.stanc_sha256,
            "driver_sha256": self.driver_sha256,
            "compiler": self.compiler_version,
            "flags": self.flags,
            "cpu": self.cpu,
        }

    def compile_identity(
        self, *, stanc: Mapping[str, object], cpp: Mapping[str, object], native: bool
    ) -> dict[str, Any]:
        """Return what a model's compiled code depends on beside its program, as plain JSON."""
        native = native or any(NATIVE in str(value) for value in cpp.values())
        return self.identity() | {
            "stanc": dict(stanc),
            "cpp": dict(cpp),
            "cpu": native_target(self.compiler) if native else self.cpu,
        }


def manifest(path: Path) -> dict[str, Any] | None:
    """Return what `install` wrote about this directory; None where it did not make it whole."""
    try:
        content: dict[str, Any] = json.loads((path / MANIFEST).read_text())
    except (OSError, ValueError):
        return None
    return content if content.get("schema") == SCHEMA else None


def show(toolchain: Toolchain) -> dict[str, Any]:
    """Return everything that is known of a toolchain, as plain JSON."""
    return {
        "schema": "stanchion/toolchain-description/1",
        "path": str(toolchain.path),
        "found_by": toolchain.found_by,
        **toolchain.identity(),
        "compiler_command": toolchain.compiler,
        "chains": f"{'go on' if toolchain.origin == 'wheel' else 'start anew'} after a kill",
        "installed": manifest(toolchain.path),
        "licences": licences(toolchain),
    }


def licences(toolchain: Toolchain) -> list[dict[str, str]]:
    """Return what a toolchain laid out from the wheel carries, and under which licences."""
    if toolchain.origin != "wheel":
        return []
    parts: list[dict[str, str]] = json.loads(
        (Path(__file__).parent / "share" / "licences.json").read_text()
    )
    return parts

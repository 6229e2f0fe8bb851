"""Finds, installs and describes CmdStan.

`find` runs at each parse of the Snakefile; what only installs or tries out is imported on demand.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from stanchion.stan.toolchain.description import Toolchain, licences, show
from stanchion.stan.toolchain.discovery import find, toolchains_folder

if TYPE_CHECKING:
    from stanchion.stan.toolchain.installation import install
    from stanchion.stan.toolchain.trial import check

__all__ = ["Toolchain", "check", "find", "install", "licences", "show", "toolchains_folder"]
_ON_DEMAND = {"install": "installation", "check": "trial"}


def __getattr__(name: str) -> object:
    if name in _ON_DEMAND:
        return getattr(import_module(f"{__name__}.{_ON_DEMAND[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

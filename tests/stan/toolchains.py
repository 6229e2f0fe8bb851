"""The toolchain that the tests run on."""

from __future__ import annotations

from functools import cache

from stanchion.errors import ToolchainError
from stanchion.stan.toolchain import Toolchain, find, install


@cache
def toolchain_for_tests() -> Toolchain:
    """Return the CmdStan of this machine; without one, one is installed."""
    try:
        return find()
    except ToolchainError:
        return install()

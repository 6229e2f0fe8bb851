"""What all tests share: the toolchain, one cache of compiled programs, and the shared files."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from tests.project import SHARED


def pytest_configure() -> None:
    """Let tests send Ctrl-C where pytest was started in the background, and take their time."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile("untimed", settings.default, deadline=None)
    settings.load_profile("untimed")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared reference files, which is not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared reference files are not at {SHARED.name}/ beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of this test run's own, one for all workers, on the machine's toolchain."""
    from stanchion.errors import ToolchainError
    from stanchion.stan.toolchain import find, install
    from stanchion.system.folders import cache_root

    try:
        find()
    except ToolchainError:
        install()
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    folder.mkdir(exist_ok=True)
    installed = cache_root() / "toolchains"
    if installed.is_dir():
        with contextlib.suppress(FileExistsError):
            (folder / "toolchains").symlink_to(installed)
    return folder

"""What all tests share: the toolchain, one cache of compiled programs, and the shared files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project import SHARED


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared reference files, which is not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared reference files are not at {SHARED.name}/ beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the tests' own, on the machine's toolchain: nothing is reused from earlier runs."""
    from stanchion.errors import ToolchainError
    from stanchion.provenance.cache import cache_root
    from stanchion.toolchain import find, install

    try:
        find()
    except ToolchainError:
        install()
    folder = tmp_path_factory.mktemp("cache")
    installed = cache_root() / "toolchains"
    if installed.is_dir():
        (folder / "toolchains").symlink_to(installed)
    return folder

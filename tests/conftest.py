"""What all tests share: the toolchain, one cache of compiled programs, and the shared files."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer

from tests.order import FileScheduling, rank
from tests.project import SHARED, folder_of_run


def pytest_configure() -> None:
    """Let tests send Ctrl-C where pytest was started in the background, and take their time."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile("untimed", settings.default, deadline=None)
    settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest."""
    items.sort(key=lambda item: rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileScheduling | None:
    """Distribute whole files in that order, and what must not run twice at once to one worker."""
    return FileScheduling(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(autouse=True)
def _same_folder() -> Iterator[None]:
    """A test that leaves its worker in another folder fails itself, not the ones after it."""
    before = Path.cwd()
    yield
    try:
        now = str(Path.cwd())
    except FileNotFoundError:
        now = "a folder that is gone"
    os.chdir(before)
    if now != str(before):
        pytest.fail(f"the test left its process in {now}: use monkeypatch.chdir")


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
    folder = folder_of_run(tmp_path_factory) / "cache"
    folder.mkdir(exist_ok=True)
    installed = cache_root() / "toolchains"
    if installed.is_dir():
        with contextlib.suppress(FileExistsError):
            (folder / "toolchains").symlink_to(installed)
    return folder

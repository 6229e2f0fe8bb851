"""In which order tests begin, and which of them share a worker."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

LONGEST = ("cluster", "workflow", "packaging", "stan", "gallery", "browser")
"""Folders whose files take minutes, first to last; files of seconds fill the workers after them."""
TOGETHER = ("cluster", "packaging")
"""Folders of one worker: a machine has one Slurm, and the wheel is installed once."""


def rank(nodeid: str) -> int:
    """Return the place of a test's folder in the order."""
    folder = _folder(nodeid)
    return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)


class FileScheduling(LoadFileScheduling):
    """Gives each worker a file at a time, in the order of collection, or all files of a folder.

    pytest-xdist would begin with the files of most tests: the longest came last, and beside them
    a worker had nothing to do.
    """

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        folder = _folder(nodeid)
        return folder if folder in TOGETHER else super()._split_scope(nodeid)


def _folder(nodeid: str) -> str:
    return PurePosixPath(nodeid.partition("::")[0]).parent.name

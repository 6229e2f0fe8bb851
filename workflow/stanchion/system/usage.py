"""When a shared file was last used: its modification time, which a use renews once a day.

Times of access cannot be relied on: most file systems are mounted so that they are not kept.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

DAY = 24 * 3600
"""Seconds by which a noted use may lie behind the last one."""


def note_use(path: Path) -> None:
    """Give a file the present time, unless it has one of the last day or may not be written."""
    with suppress(OSError):
        if abs(time.time() - path.stat().st_mtime) > DAY:
            os.utime(path)

"""The folders of Stanchion's own: in a project, beside its results, and the user's cache."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

STATE = ".stanchion"
JOBS = f"{STATE}/jobs"
TEMPORARY = f"{STATE}/tmp"
RUNS = f"{STATE}/runs"
STAMPS = f"{STATE}/stamps"
PROGRESS = f"{STATE}/progress"
SAVING = f"{STATE}/saving"


def cache_root(environ: Mapping[str, str] = os.environ) -> Path:
    """Return $STANCHION_CACHE, else $XDG_CACHE_HOME/stanchion, else ~/.cache/stanchion."""
    if chosen := environ.get("STANCHION_CACHE"):
        return Path(chosen)
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else home(environ) / ".cache") / "stanchion"


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the user's home folder."""
    return Path(environ.get("HOME") or Path.home())

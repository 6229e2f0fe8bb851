"""Runs a person's own script apart: in a folder of its own, beside copies of what it may read.

What it is called with is in docs/scripts.md.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stanchion.errors import ChainError
from stanchion.sampling.installed import installed_for, python_of, require_locked
from stanchion.stan.process import Apart, run_program

CODE = "code"
"""The folder of its copies, within the one that a script runs in."""
SETTINGS = "settings.json"
_TEMPORARY = "tmp"
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


@dataclass(frozen=True, kw_only=True)
class OwnScript:
    """A script of the project as it is called."""

    name: str
    """Its path in the project; its copy lies at this path within `CODE`."""
    arguments: tuple[str, ...]
    files: Mapping[str, Path]
    """Copies that were hashed, by the path within its folder at which it finds them."""
    settings: Mapping[str, Any]
    lock: Path
    lock_name: str
    output: str
    """What it must leave, a path within its folder."""
    leaves: str
    """What that is, for who reads that it is not there."""
    interpreter: str | None = None
    cores: int = 1
    time_limit: str | None = None


def run_own(script: OwnScript, folder: Path, log: Path) -> dict[str, Any]:
    """Run a script in a folder, where it leaves its output, and return notes for the record.

    Whatever it has started ends with it. The folder is made anew; who called removes it.

    Raises:
        ChainError: it failed, met its time limit, or left no file.
        StepError: there is no such Python, or other packages are installed than the lock says.
    """
    python = python_of(script.interpreter)
    installed = installed_for(python)
    require_locked(script.lock, installed, python, script.lock_name)
    words = [f"{CODE}/{script.name}", *script.arguments]
    notes = run_program(
        [str(python), *words],
        log,
        chain=script.name,
        time_limit=script.time_limit,
        before_start=lambda: _lay_out(script, folder),
        apart=Apart(folder, _environment(folder, script.cores)),
    )
    _require_left(folder / script.output, script)
    about = {"name": script.name, "command": ["python", *words], "same_bytes": False}
    return {**about, **notes, **installed}


def _lay_out(script: OwnScript, folder: Path) -> None:
    """Make the folder anew: copies of the copies that were hashed, whatever a run did to its own.

    Script and sources lie in it as they do in the project.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / _TEMPORARY).mkdir(parents=True)
    for name, copy in script.files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(copy, target)
    (folder / SETTINGS).write_text(json.dumps(script.settings, indent=2) + "\n")


def _environment(folder: Path, cores: int) -> dict[str, str]:
    """Return ours without what would lead Python elsewhere, and with what makes it repeat."""
    inherited = {name: v for name, v in os.environ.items() if not name.startswith("PYTHON")}
    return {
        **inherited,
        **dict.fromkeys(_THREADS, str(cores)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str((folder / _TEMPORARY).absolute()),
    }


def _require_left(output: Path, script: OwnScript) -> None:
    try:
        is_file = stat.S_ISREG(output.lstat().st_mode)
    except OSError:
        is_file = False
    if not is_file:
        raise ChainError(
            f"{script.name} ended well, and left no file at `--output`",
            where=script.name,
            todo=f"have it write {script.leaves} there, as docs/scripts.md says",
        )

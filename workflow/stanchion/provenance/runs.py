"""What is the same for all steps of one run: packages, git, toolchain, and what failed."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from stanchion.system.folders import RUNS
from stanchion.system.git import state_of_tree
from stanchion.system.hashes import file_hash
from stanchion.system.writing import write_whole

PACKAGES = (
    "stanchion",
    "snakemake",
    "cmdstanpy",
    "pydantic",
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "h5netcdf",
    "h5py",
    "arviz-base",
    "arviz-stats",
    "matplotlib",
    "formulaic",
    "dvc",
)
"""The packages whose versions can change a number or a picture, and those that move results."""
SIGNALLED = 128
"""Exit codes from here on say that a signal ended the step, which is no word of its own."""
REFUSED = "REFUSED"
"""The state of a job that its scheduler did not take."""


_HEARD = "STANCHION_HEARD"
"""Set where the process that started a step tells its user of it, from its log or its note."""
PACKAGE = Path(__file__).parents[1]
"""The folder of our own code."""


def run_id() -> str:
    """Return this run's id, the same in every process that it starts."""
    return os.environ.setdefault("STANCHION_RUN_ID", uuid.uuid4().hex)


def run_folder() -> Path:
    """Return the folder of this run's facts."""
    return Path(RUNS) / run_id()


def describe_run(project: str | None, toolchain: Mapping[str, Any], stanc: Path) -> None:
    """Write what every record of this run repeats.

    The code is hashed as it lies there: an edited module or compiler shows, whatever it calls
    itself.
    """
    content = {
        "schema": "stanchion/run/1",
        "project": project,
        "packages": {name: _version(name) for name in PACKAGES},
        "code": {"stanchion": code_hash(PACKAGE), "stanc": file_hash(stanc)},
        "toolchain": dict(toolchain),
        "git": state_of_tree(),
    }
    write_whole(run_folder() / "about.json", json.dumps(content, indent=1) + "\n")


def about_run() -> dict[str, Any]:
    """Return what `describe_run` wrote, or nothing where it did not."""
    try:
        content: dict[str, Any] = json.loads((run_folder() / "about.json").read_text())
    except (OSError, ValueError):
        return {}
    return content


def listen() -> None:
    """Have the steps that this process starts leave it to this one to tell of them."""
    os.environ[_HEARD] = str(os.getpid())


def is_listening() -> bool:
    """Tell whether this process tells of its steps."""
    return os.environ.get(_HEARD) == str(os.getpid())


def is_heard() -> bool:
    """Tell whether the process that has started this one tells of its steps."""
    return bool(os.environ.get(_HEARD))


def note_failure(
    key: str,
    step: str,
    exit_code: int,
    message: str,
    *,
    state: str | None = None,
    log: str | None = None,
) -> None:
    """Leave word of a failed step for the end of the run, and of how a scheduler ended its jobs.

    `step` says what it was at. The note of a scheduler keeps the step's log.
    """
    noted = _noted(key)
    before = noted.get("ends", [])
    content = {
        "log": log or noted.get("log"),
        "key": key,
        "step": step,
        "exit_code": exit_code,
        "message": message,
        "state": state,
        "ends": [*before, *([state] if state else [])],
    }
    write_whole(_note(key), json.dumps(content) + "\n")


def note_ending(key: str, step: str, state: str, message: str) -> None:
    """Leave word of a step whose job a scheduler ended, before what the step itself has said.

    Of a job that merely failed the step's own word is enough; "stopped by a signal" is none.
    """
    noted = _noted(key)
    step_failed = noted.get("state") is None and noted.get("exit_code", SIGNALLED) < SIGNALLED
    if step_failed and state == "FAILED":
        return
    text = f"{message}\n{noted['message']}" if step_failed else message
    note_failure(key, step, 1, text, state=state)


def scheduler_endings(key: str) -> list[str]:
    """Return how a scheduler has ended the jobs of a step in this run so far, such as TIMEOUT."""
    return [str(state) for state in _noted(key).get("ends", [])]


def forget_failure(key: str) -> None:
    """Take back the word of a failed step, which has now succeeded at another attempt."""
    _note(key).unlink(missing_ok=True)


def failures() -> list[dict[str, Any]]:
    """Return what failed in this run, in a fixed order; a note that is not whole is none."""
    notes = []
    for path in sorted(run_folder().glob("failed-*.json")):
        with suppress(OSError, ValueError):
            notes.append(json.loads(path.read_text()))
    return notes


def _note(key: str) -> Path:
    return run_folder() / f"failed-{key[:12]}.json"


def _noted(key: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(_note(key).read_text())
    except (OSError, ValueError):
        return {}
    return content


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def code_hash(package: Path) -> str:
    """Return the SHA-256 of a package's files, names and content, without what Python compiled."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(package)} {file_hash(path)}\n".encode())
    return digest.hexdigest()

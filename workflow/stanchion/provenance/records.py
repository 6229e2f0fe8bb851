"""Records: the JSON that a step leaves about itself, finished or not.

A record is opened before the work and closed after it; it is never overwritten, so that a killed
step leaves one too, with `state: started`.
"""

from __future__ import annotations

import getpass
import json
import os
import platform
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from stanchion.provenance.runs import about_run, run_id
from stanchion.system.hashes import file_hash, file_hashes
from stanchion.system.processes import is_forked
from stanchion.system.writing import write_new, write_whole

_SCHEDULERS = {"SLURM_JOB_ID": "slurm", "PBS_JOBID": "pbs", "LSB_JOBID": "lsf", "JOB_ID": "sge"}


class Recorded(Protocol):
    """What a record says of the job that leaves it."""

    @property
    def step(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def made_of(self) -> Mapping[str, Any]: ...
    @property
    def arguments(self) -> Mapping[str, Any]: ...
    @property
    def unkeyed(self) -> Mapping[str, Any]: ...
    @property
    def records(self) -> str:
        """The folder of the step's records."""
        ...


@dataclass
class Record:
    """An open record: its path, and what it says so far."""

    path: Path
    content: dict[str, Any]

    def is_superseded(self) -> bool:
        """Tell whether a later attempt has begun, as where this one's machine was given up."""
        return _attempts(self.path.parent, self.content["key"]) > self.content["attempt"]

    def close(self, state: str, exit_code: int, **facts: Any) -> None:
        """Say how the step ended, in one rename over the `started` text of this same attempt."""
        ended = time.time()
        seconds = round(ended - self.content["started_at"], 3)
        self.content.update(state=state, exit_code=exit_code, ended=_utc(ended), **facts)
        self.content["seconds"] = seconds
        content = {name: value for name, value in self.content.items() if name != "started_at"}
        write_whole(self.path, json.dumps(content, indent=1) + "\n")

    def as_origin(self) -> dict[str, Any]:
        """Describe this closed record to those who reuse its results."""
        return {
            "record": str(self.path),
            "key": self.content["key"],
            "sha256": file_hash(self.path),
            "project": self.content["project"],
            "folder": str(Path.cwd()),
            "run": self.content["run"],
            "inputs": self.content["inputs"],
            "command": (self.content.get("notes") or {}).get("command"),
        }


def open_record(job: Recorded) -> Record:
    """Open the next attempt's record of a step; the file is on disk when this returns."""
    folder = Path(job.records)
    folder.mkdir(parents=True, exist_ok=True)
    attempt = 1 + _attempts(folder, job.key)
    while True:
        path = folder / f"{job.key[:12]}-{attempt}.json"
        started = time.time()
        content = {
            "schema": "stanchion/record/1",
            "step": job.step,
            "state": "started",
            "key": job.key,
            "attempt": attempt,
            "made_of": job.made_of,
            "arguments": job.arguments,
            "unkeyed": job.unkeyed,
            "started": _utc(started),
            "started_at": started,
            "process": "forked" if is_forked() else "own",
            **_who_and_where(),
        }
        try:
            write_new(path, json.dumps(content, indent=1) + "\n")
        except FileExistsError:
            attempt += 1
            continue
        return Record(path, content)


def last_finished(folder: str) -> dict[str, Any] | None:
    """Return the last record of a step that ended well, None where there is none."""
    for path in sorted(Path(folder).glob("*.json"), key=_changed, reverse=True):
        try:
            content: dict[str, Any] = json.loads(path.read_text())
            if content["state"] in ("done", "reused"):
                return content
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return None


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _attempts(folder: Path, key: str) -> int:
    """Return the number of the last attempt at a key, 0 where there was none."""
    numbers = [path.stem.partition("-")[2] for path in folder.glob(f"{key[:12]}-*.json")]
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def describe_files(files: Mapping[str, Path | list[Path]]) -> list[dict[str, Any]]:
    """Return name, path, SHA-256 and size in bytes of each file."""
    named = [
        (name, path)
        for name, entry in files.items()
        for path in (entry if isinstance(entry, list) else [entry])
    ]
    hashes = file_hashes([path for _, path in named])
    return [
        {"name": name, "path": str(path), "sha256": digest, "size": path.stat().st_size}
        for (name, path), digest in zip(named, hashes, strict=True)
    ]


def _who_and_where() -> dict[str, Any]:
    about = about_run()
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    scheduler = next(
        (
            {"name": name, "job": os.environ[v]}
            for v, name in _SCHEDULERS.items()
            if v in os.environ
        ),
        None,
    )
    return {
        "run": run_id(),
        "project": about.get("project"),
        "user": user,
        "host": os.environ.get("SLURMD_NODENAME") or socket.gethostname(),
        "scheduler": scheduler,
        "python": platform.python_version(),
        "packages": about.get("packages"),
        "code": about.get("code"),
        "toolchain": about.get("toolchain"),
        "git": about.get("git"),
    }


def _utc(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e3):03}Z"

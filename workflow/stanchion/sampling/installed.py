"""What is installed for the Python of a person's own script, held to its lock."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stanchion.errors import StepError
from stanchion.system.interpreters import interpreter

_LIST = """\
import importlib.metadata as m, json, platform
found = {}
for d in m.distributions():
    if d.metadata["Name"]:
        found.setdefault(d.metadata["Name"], d.version)
print(json.dumps({"python": platform.python_version(), "packages": found}))
"""
_LIST_SECONDS = 60
NO_PYTHON = "there is no such Python on this machine"
MAKE_PYTHON = "make the environment (`python -m venv`), and install the lock into it"
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;\\*]+)\s*(;.*)?")
_SHOWN = 4


def python_of(declared: str | None) -> Path:
    """Return the Python to run: the declared one, or Stanchion's own.

    Raises:
        StepError: there is none of that name.
    """
    if declared is None:
        return Path(sys.executable)
    path = interpreter(declared, Path())
    if path is None:
        raise StepError(
            NO_PYTHON,
            where=declared,
            key="python",
            todo=MAKE_PYTHON,
        )
    return path


def installed_for(python: Path) -> dict[str, Any]:
    """Return the version of a Python, and of each package that is installed for it.

    Raises:
        StepError: it does not say so, and may be no Python.
    """
    environment = {name: v for name, v in os.environ.items() if not name.startswith("PYTHON")}
    try:
        completed = subprocess.run(
            [str(python), "-I", "-c", _LIST],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LIST_SECONDS,
            check=True,
            env=environment,
        )
        content = json.loads(completed.stdout)
        return {"python": str(content["python"]), "packages": dict(content["packages"])}
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        raise StepError(
            "it does not say which packages it has, as a Python does",
            where=str(python),
            key="python",
            todo=f"look what `{python} -I -c 'import importlib.metadata'` says",
        ) from error


def require_locked(lock: Path, installed: Mapping[str, Any], python: Path, declared: str) -> None:
    """Hold what is installed to a lock; a line with a condition counts where its package is there.

    Raises:
        StepError: a package is missing, or of another version; the lock pins none.
    """
    packages = {_normal(name): version for name, version in installed["packages"].items()}
    differing = []
    for name, version, conditional in _pins(lock, declared):
        present = packages.get(_normal(name))
        if present != version and not (conditional and present is None):
            differing.append(f"{name} {version} is {present or 'not installed'}")
    if differing:
        more = f", and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
        raise StepError(
            f"the packages of {python} are not those of the lock: "
            f"{', '.join(differing[:_SHOWN])}{more}",
            where=declared,
            key="lock",
            todo=f"install them, by `{python} -m pip install -r {declared}`; or lock what is "
            "installed, which makes the draws anew",
        )


def _pins(lock: Path, declared: str) -> Sequence[tuple[str, str, bool]]:
    """Return name, version, and whether there is a condition, of each line that pins a package."""
    pins = []
    text = re.sub(r"\\\r?\n", " ", lock.read_text(encoding="utf-8", errors="replace"))
    for number, line in enumerate(text.splitlines(), start=1):
        words = re.sub(r"(^|\s)#.*$", "", line).partition("--hash")[0].strip()
        if not words or words.startswith("-"):
            continue
        match = _PIN.fullmatch(words)
        if match is None:
            raise StepError(
                f"{words[:80]!r} (entry {number}) pins no version",
                where=declared,
                key="lock",
                allowed="lines `name==version`, with a condition and hashes or without",
                todo="write the lock by `pip freeze`, `uv export` or `pip-compile`",
            )
        pins.append((match[1], match[2], match[3] is not None))
    if not pins:
        raise StepError(
            "it pins no package",
            where=declared,
            key="lock",
            allowed="lines `name==version`",
            todo="write it by `pip freeze`: what the script runs with decides its draws",
        )
    return pins


def _normal(name: str) -> str:
    """Return a distribution's name as packaging normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()

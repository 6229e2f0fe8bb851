"""The procedure of `script`: a person's own program is run, and its draws are held to the model's.

What it is called with, and what it must leave, is in docs/scripts.md.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stanchion.errors import ChainError, Fault, StepError
from stanchion.methods.script import Script
from stanchion.sampling.archive import Archive, attempts_of
from stanchion.sampling.external import FILE, external_draws
from stanchion.sampling.fit import Fit
from stanchion.stan.process import Apart, run_program
from stanchion.system.interpreters import interpreter

_CODE, _TEMPORARY = "code", "tmp"
"""Folders within the one that a script runs in: its copies, and what it writes for itself."""
_LIST = """\
import importlib.metadata as m, json, platform
found = {}
for d in m.distributions():
    if d.metadata["Name"]:
        found.setdefault(d.metadata["Name"], d.version)
print(json.dumps({"python": platform.python_version(), "packages": found}))
"""
_LIST_SECONDS = 60
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;\\*]+)\s*(;.*)?")
_SHOWN = 4
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def script(fit: Fit, method: Script) -> Archive:
    """Run the script of a fit, and return what it left.

    Raises:
        ChainError: it failed, met its time limit, or left draws that are not the model's.
        StepError: there is no such Python, or other packages are installed than the lock says.
    """
    job = fit.job
    python = _python(job.arguments.interpreter)
    installed = _installed(python)
    _require_locked(job.path("lock"), installed, python, method.lock)
    folder = fit.folder / "script"
    output = folder / FILE
    words = _words(method, fit.seed)
    notes = run_program(
        [str(python), *words],
        job.log,
        chain=method.script,
        time_limit=job.arguments.time_limit,
        before_start=lambda: _lay_out(fit, method, folder),
        apart=Apart(folder, _environment(folder, method.cores)),
    )
    _require_left(output, method.script)
    left = fit.path(FILE)
    output.replace(left)
    data = json.loads(job.path("data").read_text())
    try:
        external = external_draws([left], method, job.arguments.variables, data, {"sizes": {}})
    except ChainError as error:
        raise ChainError(_of_script(error, method.script)) from error
    shutil.rmtree(folder, ignore_errors=True)
    about = {"name": method.script, "command": ["python", *words], "same_bytes": False}
    fit.notes.append({**about, **notes, **installed, "left_out": list(external.notes)})
    return Archive([], attempts_of(method, ()), {FILE: left})


def _words(method: Script, seed: int) -> list[str]:
    """Return the arguments of Python, relative to the folder that the script runs in."""
    return [
        f"{_CODE}/{method.script}",
        *("--data", "data.json"),
        *("--seed", str(seed)),
        *("--chains", str(method.chains)),
        *("--draws", str(method.draws)),
        *("--settings", "settings.json"),
        *("--output", FILE),
    ]


def _lay_out(fit: Fit, method: Script, folder: Path) -> None:
    """Make the folder anew: copies of the copies that were hashed, whatever a run did to its own.

    Script and sources lie in it as they do in the project.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / _TEMPORARY).mkdir(parents=True)
    copies = {method.script: fit.job.path("script")}
    copies |= dict(zip(method.sources, fit.job.paths("sources"), strict=True))
    for name, copy in copies.items():
        target = folder / _CODE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(copy, target)
    shutil.copy(fit.job.path("data"), folder / "data.json")
    (folder / "settings.json").write_text(json.dumps(method.settings["settings"], indent=2) + "\n")


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


def _python(declared: str | None) -> Path:
    """Return the Python to run."""
    if declared is None:
        return Path(sys.executable)
    path = interpreter(declared, Path())
    if path is None:
        raise StepError(
            "there is no such Python on this machine",
            where=declared,
            key="python",
            todo="make the environment (`python -m venv`), and install the lock into it",
        )
    return path


def _installed(python: Path) -> dict[str, Any]:
    """Return the version of a Python, and of each package that is installed for it."""
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


def _require_locked(lock: Path, installed: Mapping[str, Any], python: Path, declared: str) -> None:
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


def _require_left(output: Path, name: str) -> None:
    try:
        is_file = stat.S_ISREG(output.lstat().st_mode)
    except OSError:
        is_file = False
    if not is_file:
        raise ChainError(
            f"{name} ended well, and left no file at `--output`",
            where=name,
            todo="have it write a netCDF there, as docs/scripts.md says",
        )


def _of_script(error: ChainError, name: str) -> Fault:
    """Return the fault of what a script left, with the script in place of the file."""
    fault = error.faults[0]
    return replace(fault, what=f"the draws that it left are refused: {fault.what}", where=name)

"""Golden bytes: what each step of a version makes of small inputs that are fixed.

A key promises the same bytes. A step whose outputs change while its version in the catalogue
stands would break that promise for every cache that holds its results; the tests fail on it, and
`python -m tests.golden` does not renew it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module, metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from stanchion.plan.argument_json import as_json
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import Job

BYTES = Path(__file__).parent / "bytes"
PACKAGES = ("numpy", "scipy", "pandas", "xarray", "h5py", "h5netcdf", "matplotlib", "formulaic")
PACKAGES += ("arviz-base", "arviz-stats", "arviz-plots", "jinja2")
_SETS = ("avx2", "fma", "avx512f")
"""Instruction sets by which numpy and Eigen choose how they sum."""


@contextmanager
def recording(*steps: str) -> Iterator[dict[str, list[Job[Any]]]]:
    """Keep each job that these steps are run with meanwhile, by step."""
    jobs: dict[str, list[Job[Any]]] = {step: [] for step in steps}
    with ExitStack() as stack:
        for step in steps:
            module = import_module(f"stanchion.steps.{step}")
            spy = mock.Mock(side_effect=_keeping(jobs[step], module.run))
            stack.enter_context(mock.patch.object(module, "run", spy))
        yield jobs


def _keeping(jobs: list[Job[Any]], run: Any) -> Any:
    def keep(job: Job[Any]) -> None:
        jobs.append(job)
        run(job)

    return keep


def describe(step: str, jobs: Sequence[Job[Any]], folder: Path, **more: Any) -> dict[str, Any]:
    """Return the golden bytes of a step that these jobs were run with, in a folder."""
    return {
        "step": step,
        "version": STEPS[step].version,
        "made_with": made_with() | more,
        "inputs": _digest(*(part for job in jobs for part in _read_by(job, folder))),
        "outputs": [
            {name: _hash(path, folder) for name, path in sorted(job.outputs.items())}
            for job in jobs
        ],
    }


def made_with() -> dict[str, Any]:
    """Return what beside the step can move the last bit: packages and the processor."""
    return {
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "machine": platform.machine(),
        "sets": [name for name in _SETS if name in _flags()],
    }


def golden(step: str) -> dict[str, Any] | None:
    """Return a step's golden bytes as they are committed."""
    path = BYTES / f"{step}.json"
    return json.loads(path.read_text()) if path.exists() else None


def fault(now: Mapping[str, Any]) -> str | None:
    """Return why a step's bytes may not stand under its version, or None where they may."""
    step, stored = now["step"], golden(now["step"])
    if stored is None or _may_differ(stored, now) or stored["outputs"] == now["outputs"]:
        return None
    return (
        f"{step}: the same inputs give other bytes under the same version {now['version']}\n"
        f"  do:       raise its version in the catalogue, stanchion/plan/catalogue.py, then run "
        "`python -m tests.golden`"
    )


def is_stale(now: Mapping[str, Any]) -> bool:
    """Tell whether golden bytes are those of another version or of other inputs."""
    stored = golden(now["step"])
    return stored is None or any(stored[part] != now[part] for part in ("version", "inputs"))


def is_elsewhere(now: Mapping[str, Any]) -> bool:
    """Tell whether other packages or another processor may have moved the last bit."""
    stored = golden(now["step"])
    return stored is not None and stored["made_with"] != now["made_with"]


def renew(now: Mapping[str, Any]) -> bool:
    """Write a step's golden bytes where they may change, and tell whether they did.

    Raises:
        ValueError: they differ, and neither version, inputs, packages nor processor do.
    """
    if message := fault(now):
        raise ValueError(message)
    if now == golden(now["step"]):
        return False
    BYTES.mkdir(exist_ok=True)
    (BYTES / f"{now['step']}.json").write_text(json.dumps(now, indent=1) + "\n")
    return True


def _may_differ(stored: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return any(stored[part] != now[part] for part in ("version", "inputs", "made_with"))


def _read_by(job: Job, folder: Path) -> Iterator[str]:
    """Yield what the job was told and read; an executable is its program and its toolchain."""
    keyed, unkeyed = as_json(job.arguments)
    arguments = {**keyed, **unkeyed}
    yield json.dumps(arguments, sort_keys=True).replace(str(folder), "")
    for name, result in sorted(job.inputs.items()):
        if name == "executable":
            continue
        yield name
        yield from (
            _hash(path, folder) for path in (result if isinstance(result, list) else [result])
        )


def _hash(path: Path, folder: Path) -> str:
    """Hash a file without what it owes to the place and the hour.

    Its folder's name is left out, and the comments of a Stan CSV, which hold clocks, in an archive
    too. A program
    holds the path of the folder that it was compiled in: what it says of itself stands for it,
    and its draws are the golden bytes of `sample_chain`.
    """
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive, TemporaryDirectory() as unpacked:
            archive.extractall(unpacked)
            return _digest(
                *(f"{n}: {_hash(Path(unpacked) / n, folder)}" for n in archive.namelist())
            )
    content = path.read_bytes()
    if os.access(path, os.X_OK):
        content = subprocess.run([str(path), "info"], capture_output=True, check=True).stdout
    if path.suffix == ".csv":
        lines = content.splitlines(keepends=True)
        content = b"".join(line for line in lines if not line.startswith(b"#"))
    return hashlib.sha256(content.replace(str(folder).encode(), b"")).hexdigest()


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return set(next((line for line in lines if line.startswith("flags")), "").split())

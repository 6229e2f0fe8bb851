"""Gathers what a plan needs to know of the world: hashes, programs, the toolchain, waivers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stanchion.config import Project, in_force, load_waivers
from stanchion.downloads import fetch
from stanchion.errors import DataError, Fault
from stanchion.keys import file_hash
from stanchion.plan import Facts
from stanchion.plan_data import source_of
from stanchion.program import Program, describe
from stanchion.provenance.cache import cache_root
from stanchion.toolchain import find

FUNCTIONS = Path("stan/functions")


def gather(project: Project, waivers: Path) -> Facts:
    """Look at every program and file that a declaration names.

    Raises:
        DataError: a declared file is missing.
        ProgramError: stanc refuses a program.
        ToolchainError: there is no CmdStan.
    """
    toolchain = find()
    programs = describe_programs(project, toolchain.stanc)
    return Facts(
        programs=programs,
        files=_hashes(project),
        compilers={
            name: toolchain.compile_identity(
                stanc=dict(model.stanc), cpp=dict(model.cpp), native=model.native
            )
            for name, model in project.models.items()
        },
        toolchain=toolchain.identity(),
        waivers=_waivers(project, waivers),
    )


def describe_programs(project: Project, stanc: Path) -> dict[str, Program]:
    """Return every model's program as stanc sees it, by model."""
    cache = cache_root() / "programs"
    return {
        name: describe(Path(model.program), stanc, [FUNCTIONS], cache)
        for name, model in project.models.items()
    }


def _hashes(project: Project) -> dict[str, str]:
    hashes, faults = {}, []
    for name, dataset in project.datasets.items():
        source = Path(source_of(dataset))
        if dataset.url is not None and not source.exists():
            fetch(dataset.url, str(dataset.sha256), source)
        try:
            hashes[str(source_of(dataset))] = file_hash(source)
        except OSError as error:
            faults.append(_missing(f"datasets.{name}.path", source, error))
    for name, analysis in project.analyses.items():
        for label, method in analysis.methods.items():
            if isinstance(method.init, str) and method.init not in hashes:
                try:
                    hashes[method.init] = file_hash(Path(method.init))
                except OSError as error:
                    key = f"analyses.{name}.methods.{label}.init"
                    faults.append(_missing(key, Path(method.init), error))
    if faults:
        raise DataError(faults)
    return hashes


def _missing(key: str, path: Path, error: OSError) -> Fault:
    return Fault(
        f"{path}: {error.strerror or error}".lower(),
        key=key,
        value=str(path),
        allowed="a file, its path relative to the project's folder",
        todo=_nearest(path),
    )


def _nearest(path: Path) -> str:
    try:
        there = sorted(p.name for p in path.parent.iterdir() if p.is_file())[:8]
    except OSError:
        return f"make the folder {path.parent}, or correct the path"
    return f"{path.parent} holds {', '.join(there) or 'no file'}: correct the path or put it there"


def _waivers(project: Project, path: Path) -> Mapping[str, list[dict[str, Any]]]:
    if not path.exists():
        return {}
    waivers = load_waivers(path, project)
    today = dt.datetime.now(dt.UTC).date()
    names = {waiver.fit for waiver in waivers}
    return {
        name: [w.model_dump(mode="json") for w in in_force(waivers, today, name)]
        for name in sorted(names)
    }

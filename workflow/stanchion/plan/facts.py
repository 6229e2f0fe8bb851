"""Gathers what a plan needs to know of the world: hashes, programs, the toolchain, waivers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path

from stanchion.config import Project, in_force, load_waivers, resolved_compiling
from stanchion.errors import DataError, Fault
from stanchion.plan.arguments import Waiver
from stanchion.plan.conjugate import family_program
from stanchion.plan.data import source_of
from stanchion.plan.model import Facts
from stanchion.stan.program import Program, describe
from stanchion.stan.sources import FUNCTIONS
from stanchion.stan.toolchain import find
from stanchion.system.downloads import fetch
from stanchion.system.files import require_file
from stanchion.system.folders import cache_root
from stanchion.system.hashes import file_hash


def gather(project: Project, waivers: Path) -> Facts:
    """Look at every program and file that a declaration names.

    Raises:
        DataError: a declared file is missing.
        ProgramError: stanc refuses a program.
        ToolchainError: there is no CmdStan.
    """
    toolchain = find()
    _require_programs(project)
    programs = describe_programs(project, toolchain.stanc)
    own_paths = {
        method.own_program
        for analysis in project.analyses.values()
        for method in analysis.methods.values()
        if method.own_program is not None
    }
    return Facts(
        programs=programs,
        files=_hashes(project),
        compilers={
            name: toolchain.compile_identity(
                stanc=options["stanc"], cpp=options["cpp"], native=options["native"]
            )
            for name, model in project.models.items()
            if model.program is not None
            for options in [resolved_compiling(project, name)]
        },
        toolchain=toolchain.identity(),
        waivers=_waivers(waivers),
        own_programs={path: _described(path, toolchain.stanc) for path in sorted(own_paths)},
    )


def describe_programs(project: Project, stanc: Path) -> dict[str, Program]:
    """Return every model's program as stanc sees it, or its family as one, by model."""
    return {
        name: _described(model.program, stanc)
        if model.program is not None
        else family_program(project, name)
        for name, model in project.models.items()
    }


def _described(path: str, stanc: Path) -> Program:
    return describe(Path(path), stanc, [Path(FUNCTIONS)], cache_root() / "programs")


def _require_programs(project: Project) -> None:
    faults = []
    for key, path in _declared_programs(project):
        try:
            require_file(Path(path))
        except OSError as error:
            faults.append(_missing(project, key, Path(path), error))
    if faults:
        raise DataError(faults)


def _declared_programs(project: Project) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the key and path of the program of every model, and of every method with its own."""
    for name, model in project.models.items():
        if model.program is not None:
            yield ("models", name, "program"), model.program
    for name, analysis in project.analyses.items():
        for label, method in analysis.methods.items():
            if method.own_program is not None:
                yield ("analyses", name, "methods", label, "program"), method.own_program


def fetch_datasets(project: Project, folder: Path = Path()) -> dict[str, str]:
    """Fetch what is declared by `url:` and not there yet; return the SHA-256 of each by its path.

    Paths are from the project's `folder`.

    Raises:
        DataError: one cannot be fetched, or is not what is declared.
    """
    hashes = {}
    for dataset in project.datasets.values():
        if dataset.url is not None:
            path, declared = source_of(dataset), str(dataset.sha256)
            target = folder / path
            if not target.is_file() or file_hash(target) != declared:
                fetch(dataset.url, declared, target)
            hashes[path] = declared
    return hashes


def _hashes(project: Project) -> dict[str, str]:
    fetched = fetch_datasets(project)
    hashes, faults = {}, []
    for key, path in _declared_files(project):
        if path not in hashes:
            try:
                require_file(Path(path))
                hashes[path] = fetched.get(path) or file_hash(Path(path))
            except OSError as error:
                faults.append(_missing(project, key, Path(path), error))
    if faults := [*faults, *_other_files(project, hashes)]:
        raise DataError(faults)
    return hashes


def _other_files(project: Project, hashes: Mapping[str, str]) -> Iterator[Fault]:
    """Yield a fault for each file of draws that is not the declared one."""
    for name, analysis in project.analyses.items():
        for label, method in analysis.methods.items():
            for path, declared in zip(method.drawn_files, method.hashes, strict=True):
                if hashes.get(path, declared) != declared:
                    yield project.fault(
                        f"{path} is not the file that is declared: its SHA-256 is another",
                        *("analyses", name, "methods", label, "sha256"),
                        value=declared,
                        allowed=hashes[path],
                        todo="put the declared file back, or declare the SHA-256 of this one",
                    )


def _declared_files(project: Project) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield key and path of every table, of what tables are made from, and of what methods name."""
    for name, dataset in project.datasets.items():
        if dataset.script is None:
            yield ("datasets", name, "path"), source_of(dataset)
        for setting, sources in dataset.made_from.items():
            yield from ((("datasets", name, setting), path) for path in sources)
    for name, analysis in project.analyses.items():
        for label, method in analysis.methods.items():
            if isinstance(method.start, str):
                yield ("analyses", name, "methods", label, "init"), method.start
            for setting, paths in method.files.items():
                for path in paths:
                    yield ("analyses", name, "methods", label, setting), path


def _missing(project: Project, key: tuple[str, ...], path: Path, error: OSError) -> Fault:
    return project.fault(
        f"the file cannot be read: {(error.strerror or str(error)).lower()}",
        *key,
        value=str(path),
        allowed="a file, its path relative to the project's folder",
        todo=_nearest(path),
    )


def _nearest(path: Path) -> str:
    if path.with_name(f"{path.name}.dvc").exists():
        return f"it is under DVC: `stanchion run` fetches it, or `dvc pull {path}.dvc`"
    try:
        files = sorted(p.name for p in path.parent.iterdir() if p.is_file())[:8]
    except OSError:
        return f"make the folder {path.parent}, or correct the path"
    return f"{path.parent} holds {', '.join(files) or 'no file'}: correct the path or put it there"


def _waivers(path: Path) -> Mapping[str, list[Waiver]]:
    if not path.exists():
        return {}
    waivers = load_waivers(path)
    today = dt.datetime.now(dt.UTC).date()
    names = {waiver.fit for waiver in waivers}
    return {
        name: [
            Waiver(
                check=waiver.check,
                fit=waiver.fit,
                reason=waiver.reason,
                until=waiver.until.isoformat(),
                who=waiver.who,
            )
            for waiver in in_force(waivers, today, name)
        ]
        for name in sorted(names)
    }

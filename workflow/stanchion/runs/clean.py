"""`stanchion clean`: removes results that the declaration does not name any more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from stanchion.config.configfile import declaration_file
from stanchion.errors import VersioningError
from stanchion.plan.model import Plan
from stanchion.plan.opening import open_plan
from stanchion.system.folders import JOBS, STAMPS
from stanchion.system.git import ask_git
from stanchion.system.lock import lock_project
from stanchion.system.writing import write_whole
from stanchion.versions import dvc as versioning
from stanchion.versions.declared import NAME, undeclared
from stanchion.versions.known import unsaved
from stanchion.versions.manifest import manifest_path, pointer_of
from stanchion.versions.results import files_in, folder_of
from stanchion.versions.track import unlist_metrics


def clean(analyses: Sequence[str], *, configfile: Path | None, force: bool) -> str:
    """Remove what lies under `results/` and is not declared, of these analyses, and say what.

    All of an analysis that is not declared, with its pointer and manifest; of a declared one the
    results of fits and steps that are not. Records stay where their analysis does.

    Raises:
        VersioningError: a result is tracked in no revision, and `force` is not given; or what was
            named holds something that the declaration names.
    """
    lock_project()
    plan = open_plan(declaration_file(configfile), main=False)
    extra = undeclared(plan)
    _require_names(plan, analyses, extra)
    lines = []
    for name in analyses:
        paths = [Path(path) for path in extra.get(name, ())]
        if not paths:
            lines.append(f"{name}: all its results are declared, nothing is removed")
            continue
        _require_ours(plan, name, paths)
        if not force:
            _require_tracked(plan, name, paths)
        lines.append(_remove(plan, name, paths))
    return "\n".join(lines)


def _require_names(plan: Plan, analyses: Sequence[str], extra: dict[str, list[str]]) -> None:
    names = sorted({*plan.project.analyses, *extra})
    for name in analyses:
        if name not in names or not NAME.fullmatch(name):
            with_results = [n for n in names if n in extra or folder_of(n).is_dir()]
            raise VersioningError(
                f"there are no results of {name!r}", allowed=", ".join(with_results) or None
            )


def _require_ours(plan: Plan, name: str, paths: Sequence[Path]) -> None:
    """Refuse to touch a link, or a folder in which a declared file lies."""
    if folder_of(name).is_symlink():
        todo = "remove the link yourself"
        raise VersioningError("this is a link", where=str(folder_of(name)), todo=todo)
    inside = {path.resolve() for path in paths}
    for declared in _declared_files(plan):
        path = Path(declared).resolve()
        if inside & {path, *path.parents}:
            what = f"the declared file {declared} lies here"
            todo = "move it, and declare its new place"
            raise VersioningError(what, where=str(folder_of(name)), todo=todo)


def _declared_files(plan: Plan) -> Iterator[str]:
    yield from plan.facts.files
    yield from (model.program for model in plan.project.models.values() if model.program)


def _require_tracked(plan: Plan, name: str, paths: Sequence[Path]) -> None:
    files = [file for path in paths for file in (files_in(path) if path.is_dir() else [path])]
    todo = "track it first, or remove it all the same with --force"
    if ask_git("rev-parse", "--verify", "--quiet", "HEAD") is None or not versioning.is_set_up():
        lost = [str(file) for file in files]
    else:
        with versioning.repository() as repo:
            lost = unsaved(repo, files, name, plan.project.versioning.remote)
    if lost:
        what = "this result is not tracked in any revision, and would be lost"
        raise VersioningError(what, where=lost[0], todo=todo)


def _remove(plan: Plan, name: str, paths: Sequence[Path]) -> str:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
            with suppress(OSError):
                path.parent.rmdir()
    if name in plan.project.analyses:
        rows = "".join(f"\n  {path}" for path in paths)
        return f"{name}: removed what is not declared:{rows}"
    for folder in (f"logs/{name}", f"{JOBS}/{name}", f"{STAMPS}/{name}"):
        shutil.rmtree(folder, ignore_errors=True)
    for pointer in (Path(pointer_of(name)), manifest_path(name)):
        pointer.unlink(missing_ok=True)
    unlist_metrics(name)
    _unignore(name)
    return f"{name}: removed; commit the removal of its pointer, where git holds one"


def _unignore(name: str) -> None:
    """Take an analysis's folder out of the list that DVC has git ignore."""
    path = Path("results/.gitignore")
    with suppress(FileNotFoundError):
        lines = [line for line in path.read_text().splitlines() if line != f"/{name}"]
        if lines:
            write_whole(path, "\n".join(lines) + "\n")
        else:
            path.unlink()

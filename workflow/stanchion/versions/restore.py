"""`stanchion restore`: the tracked results of a revision, verified, with nothing left to run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from stanchion.config import Project, load
from stanchion.config.configfile import declaration_file
from stanchion.errors import StanchionError, ToolchainError, VersioningError
from stanchion.plan.opening import open_plan
from stanchion.plan.settling import is_current
from stanchion.plan.staying import staying_steps
from stanchion.system.git import ask_git, git, require_repository, require_revision
from stanchion.system.lock import lock_project
from stanchion.versions import dvc as versioning
from stanchion.versions.difference import Kind
from stanchion.versions.known import unsaved
from stanchion.versions.manifest import pointer_of
from stanchion.versions.results import files_in, folder_of
from stanchion.versions.track import tracked_analyses
from stanchion.versions.verify import verify_analysis


def restore(analyses: Sequence[str], *, revision: str | None, configfile: Path | None) -> int:
    """Switch to a revision, bring its results back, verify them, and return the exit code.

    Raises:
        VersioningError: the tree has changes, results would be lost, or git or DVC cannot do it.
    """
    require_repository()
    lock_project()
    _require_clean()
    commit = require_revision(revision if revision is not None else "HEAD")
    tracked = sorted({*tracked_analyses(commit), *tracked_analyses()})
    _require_saved(analyses or tracked, _remote(configfile))
    if revision is not None:
        _switch(revision, commit)
    names = _chosen(analyses)
    declaration = declaration_file(configfile)
    _pull(load(declaration), names)
    verified = [verify_analysis(name, None, remote=False, name=None) for name in names]
    print("\n".join(result.text() for result in verified))
    if any(result.because is not None or result.kinds - {Kind.UNCOMMITTED} for result in verified):
        return 1
    print(_steps_to_run(declaration, names))
    return 0


def data_pointers(project: Project) -> list[str]:
    """Return the DVC pointers of declared tables, and of what they are made of, that have one."""
    paths = [
        path
        for dataset in project.datasets.values()
        for path in ([dataset.path] if dataset.path else dataset.inputs)
    ]
    pointers = [f"{path}.dvc" for path in paths]
    return sorted({pointer for pointer in pointers if Path(pointer).exists()})


def pull_missing_data(configfile: Path) -> bool:
    """Bring the declared datasets that are under DVC and not here; return whether there were any.

    Raises:
        VersioningError: DVC cannot bring one.
    """
    project = load(configfile)
    missing = [p for p in data_pointers(project) if not Path(p.removesuffix(".dvc")).exists()]
    if missing:
        with versioning.repository() as repo:
            versioning.pull(repo, missing, project.versioning.remote)
        print("\n".join(f"fetched {p.removesuffix('.dvc')} through DVC" for p in missing))
    return bool(missing)


def _require_clean() -> None:
    changes = git("status", "--porcelain", "--untracked-files=no")
    if changes:
        first = changes.splitlines()[0][3:]
        raise VersioningError(
            f"the working tree has changes that are not committed: {first}",
            todo="commit them, or put them aside with `git stash`",
        )


def _require_saved(names: Sequence[str], remote: str | None) -> None:
    """Refuse to replace results that are not tracked, as they are, in any revision."""
    present = [name for name in names if folder_of(name).exists()]
    if not present:
        return
    with versioning.repository() as repo:
        for name in present:
            versioning.sweep(folder_of(name))
            for path in unsaved(repo, files_in(folder_of(name)), name, remote):
                raise VersioningError(
                    "this result is not tracked in any revision, and would be lost",
                    where=path,
                    todo="keep it with `stanchion track --commit`, or move it away",
                )


def _remote(configfile: Path | None) -> str | None:
    """Return the remote that the declaration names, where it can be read."""
    with suppress(StanchionError):
        return load(declaration_file(configfile)).versioning.remote
    return None


def _switch(revision: str, commit: str) -> None:
    if commit == git("rev-parse", "HEAD"):
        return
    if ask_git("rev-parse", "--verify", "--quiet", f"refs/heads/{revision}") is not None:
        git("switch", "--quiet", revision)
    else:
        git("switch", "--quiet", "--detach", commit)
    print(f"git is at {git('log', '-1', '--format=%h %s')}")


def _chosen(analyses: Sequence[str]) -> list[str]:
    tracked = tracked_analyses()
    if not tracked:
        raise VersioningError(
            "no results are tracked at this revision",
            where="results/",
            todo="give another revision by --rev; `git log -- results` lists those with results",
        )
    for name in analyses:
        if name not in tracked:
            raise VersioningError(f"no tracked results of {name!r}", allowed=", ".join(tracked))
    return list(analyses) or tracked


def _pull(project: Project, names: Sequence[str]) -> None:
    remote = project.versioning.remote
    with versioning.repository() as repo:
        pointers = [*map(pointer_of, names)]
        try:
            versioning.pull(repo, pointers, remote, over=True)
        except versioning.incomplete():
            for pointer in pointers:
                versioning.fetch_missing(repo, pointer, remote)
            versioning.pull(repo, pointers, remote, over=True)
        if data := data_pointers(project):
            versioning.pull(repo, data, remote)
    for name in names:
        if not folder_of(name).is_dir():
            raise VersioningError(f"DVC did not bring the results of {name}")


def _steps_to_run(declaration: Path, names: Sequence[str]) -> str:
    """Settle the key files, so that Snakemake knows the results again, and say what is stale."""
    try:
        plan = open_plan(declaration)
    except ToolchainError:
        return "no CmdStan is installed here: `stanchion run` installs one before anything runs"
    except StanchionError as error:
        return f"the declaration at this revision cannot be run here:\n{error}"
    declared = [name for name in names if name in plan.project.analyses]
    stale = [step for step in staying_steps(plan, declared) if not is_current(step)]
    if not stale:
        return "nothing to do"
    rules = ", ".join(sorted({step.rule for step in stale}))
    return f"{len(stale)} steps would run here ({rules}): their keys differ, see `stanchion diff`"

"""`stanchion track`: a manifest and a DVC pointer for each analysis, pushed and read back."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stanchion import versioning
from stanchion.errors import VersioningError
from stanchion.git import git, require_repository
from stanchion.graph import chosen_analyses, open_graph, stale_steps, staying_steps
from stanchion.lock import lock_project
from stanchion.plan import Plan
from stanchion.provenance.manifest import (
    Manifest,
    folder_of,
    make_manifest,
    manifest_path,
    pointer_of,
)
from stanchion.provenance.objects import differences
from stanchion.provenance.writing import write_whole

if TYPE_CHECKING:
    from dvc.repo import Repo

METRICS = "dvc.yaml"
_MAY_BE_MISSING = ("check_verdicts",)
"""A step that a failed check stops on purpose: its analysis is tracked with the failure in it."""


@dataclass(frozen=True)
class Tracked:
    """What was tracked: the manifests, the remote they were pushed to, and what git lacks."""

    manifests: tuple[Manifest, ...]
    remote: str | None
    files: tuple[str, ...]

    def summary(self) -> str:
        """Return a line an analysis."""
        to = f"pushed to {self.remote} and read back" if self.remote else "not pushed: no remote"
        return "\n".join(
            f"{m.analysis}: {len(m.files)} files, {m.size / 1e6:.1f} MB; {to}"
            for m in self.manifests
        )

    @property
    def message(self) -> str:
        """The commit's message."""
        return f"Results of {', '.join(m.analysis for m in self.manifests)}"

    def command(self) -> str:
        """Return the line that commits the pointers, and nothing else."""
        files = shlex.join(self.files)
        return f"git add {files} && git commit -m {shlex.quote(self.message)} -- {files}"


def track(analyses: Sequence[str], *, configfile: Path, commit: bool) -> None:
    """Track the results of analyses, or of all, and say what to commit, or commit it.

    Raises:
        VersioningError: results are not up to date or were altered, or git or DVC cannot do it.
    """
    lock_project()
    done = track_plan(open_graph(configfile, main=False).plan, analyses)
    if commit and done.files:
        print(done.summary())
        _commit(done)
    else:
        print(report_tracked(done))


def report_tracked(done: Tracked) -> str:
    """Return what was tracked and the line that commits it, where there is something to commit."""
    if not done.files:
        return f"{done.summary()}\nnothing to commit: git holds these versions already"
    return f"{done.summary()}\nto commit them:\n{done.command()}"


def track_plan(plan: Plan, analyses: Sequence[str] = ()) -> Tracked:
    """Write manifests, pointers and the list of metrics; push them where there is a remote."""
    require_repository()
    names = chosen_analyses(plan, analyses)
    _require_current(plan, names)
    manifests = tuple(make_manifest(name) for name in names)
    if not versioning.is_set_up():
        versioning.set_up()
    with versioning.repository() as repo:
        for manifest in manifests:
            _write(repo, manifest)
        _list_metrics(names)
        remote = plan.project.versioning.remote or versioning.default_remote(repo)
        if remote is not None:
            _push(repo, manifests, remote)
    return Tracked(manifests, remote, tuple(path for path in _files(names) if _differs(path)))


def _commit(done: Tracked) -> None:
    """Commit the pointers; what else the user has changed or staged stays as it is."""
    git("add", "--", *done.files)
    git("commit", "--quiet", "-m", done.message, "--", *done.files)
    print(f"committed as {git('rev-parse', '--short', 'HEAD')}: {done.message}")


def _differs(path: str) -> bool:
    """Tell whether git does not hold a file as it is."""
    return bool(git("status", "--porcelain", "--", path))


def _require_current(plan: Plan, names: Sequence[str]) -> None:
    """Settle the key files, as every run does, so that tracked and restored folders are alike."""
    stale = {step.key_file for step in stale_steps(plan)}
    for step in staying_steps(plan, names):
        if step.rule not in _MAY_BE_MISSING and step.key_file in stale:
            raise VersioningError(
                f"the results of {step.wildcards['analysis']} are not up to date: "
                f"{step.rule} has not run with the present declaration",
                where=next(iter(step.outputs.values())),
                todo="run `stanchion run` first",
            )


def _write(repo: Repo, manifest: Manifest) -> None:
    write_whole(manifest_path(manifest.analysis), manifest.text())
    meta: dict[str, Any] = {"stanchion": {"manifest": manifest.sha256}}
    versioning.add(repo, str(folder_of(manifest.analysis)), meta)


def _push(repo: Repo, manifests: Sequence[Manifest], remote: str) -> None:
    """Push, then hash what arrived: a remote that lost or changed a byte is found now."""
    versioning.push(repo, [pointer_of(m.analysis) for m in manifests], remote)
    store = versioning.remote_store(repo, remote)
    for manifest in manifests:
        oid, _ = versioning.read_pointer(Path(pointer_of(manifest.analysis)))
        found = list(differences(store, oid, manifest))
        if found:
            raise VersioningError(
                f"{store.name} does not hold what was pushed: {found[0].what}",
                where=found[0].path,
                todo="remove that object from the remote and from the cache, then track again",
            )


def _list_metrics(names: Sequence[str]) -> None:
    """List each analysis's metrics for `dvc metrics`; what else stands in dvc.yaml stays."""
    from ruamel.yaml import YAML

    yaml, path = YAML(), Path(METRICS)
    content = (yaml.load(path.read_text()) if path.exists() else None) or {}
    listed = content.setdefault("metrics", [])
    wanted = [f"{folder_of(name)}/metrics.json" for name in names]
    missing = [entry for entry in wanted if entry not in listed]
    if missing:
        listed.extend(missing)
        with path.open("w") as file:
            yaml.dump(content, file)


def _files(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield str(manifest_path(name))
        yield pointer_of(name)
    for more in ("results/.gitignore", METRICS, ".dvc/config", ".dvc/.gitignore", ".dvcignore"):
        if Path(more).exists():
            yield more


def tracked_analyses() -> list[str]:
    """Return the analyses that have a pointer here."""
    return sorted(path.stem for path in Path("results").glob("*.dvc"))

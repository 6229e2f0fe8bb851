"""`stanchion track`: a manifest and a DVC pointer for each analysis, pushed and read back."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stanchion.errors import Fault, VersioningError
from stanchion.plan.catalogue import STEPS
from stanchion.plan.model import Plan
from stanchion.plan.opening import open_plan
from stanchion.plan.paths import compile_records
from stanchion.plan.staying import chosen_analyses, staying_steps
from stanchion.provenance.keyfile import State, state_of
from stanchion.system.git import content_of, files_of, git, held_by, require_repository
from stanchion.system.hashes import content_hash
from stanchion.system.lock import lock_project
from stanchion.system.writing import write_whole
from stanchion.versions import dvc as versioning
from stanchion.versions.custody import is_record
from stanchion.versions.declared import not_of_the_plan, steps_of
from stanchion.versions.difference import Difference, Kind
from stanchion.versions.manifest import (
    Manifest,
    bringing_back,
    make_manifest,
    manifest_path,
    parse_manifest,
    pointer_of,
    refusal,
)
from stanchion.versions.objects import broken
from stanchion.versions.results import (
    RESULTS,
    Results,
    folder_of,
    link_in_place,
    read_results,
)

if TYPE_CHECKING:
    from dvc.repo import Repo
METRICS = "dvc.yaml"


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
    tracked = track_plan(open_plan(configfile, main=False), analyses)
    if commit and tracked.files:
        print(tracked.summary())
        _commit(tracked)
    else:
        print(report_tracked(tracked))


def report_tracked(tracked: Tracked) -> str:
    """Return what was tracked and the line that commits it, where there is something to commit."""
    if not tracked.files:
        return f"{tracked.summary()}\nnothing to commit: git holds these versions already"
    return f"{tracked.summary()}\nto commit them:\n{tracked.command()}"


def track_plan(plan: Plan, analyses: Sequence[str] = ()) -> Tracked:
    """Write manifests, pointers and the list of metrics; push them where there is a remote.

    What does not hang together, from the data and the programs to the report, is refused by name.
    """
    require_repository()
    if (link := link_in_place()) is not None:
        todo = "make it a folder: move what it shows here, or mount that in its place"
        raise VersioningError(link, where=str(RESULTS), todo=todo)
    names = chosen_analyses(plan, analyses)
    for pointer in map(Path, map(pointer_of, names)):
        if pointer.exists():
            versioning.read_pointer(pointer, bringing_back(pointer))
    _require_current(plan, names)
    keep_compilations(plan, names)
    results = [_sound(plan, name) for name in names]
    manifests = tuple(make_manifest(result) for result in results)
    if not versioning.is_set_up():
        versioning.set_up()
    with versioning.repository() as repo:
        _require_heeded(repo, results)
        for manifest in manifests:
            _write(repo, manifest)
        _list_metrics(names)
        _require_unchanged(results)
        remote = plan.project.versioning.remote or versioning.default_remote(repo)
        if remote is not None:
            _push(repo, manifests, remote)
    return Tracked(manifests, remote, tuple(path for path in _files(names) if _differs(path)))


def keep_compilations(plan: Plan, analyses: Sequence[str]) -> None:
    """Put the records of the programs that analyses use beside their results: they go with them."""
    for name in analyses:
        for step in steps_of(plan, name):
            if step.rule != "compile_program":
                continue
            folder = Path(compile_records(name, step.wildcards["program"]))
            for record in Path(step.records).glob(f"{step.key[:12]}-*.json"):
                text = record.read_bytes()
                digest = content_hash(text)
                copy = folder / f"{step.key[:12]}-{digest[:12]}.json"
                if not copy.exists() and folder_of(name).is_dir():
                    write_whole(copy, text.decode())


def _sound(plan: Plan, analysis: str) -> Results:
    """Return what lies in an analysis's folder; refuse what the plan or git's HEAD contradicts."""
    results = read_results(analysis)
    broken_links = results.custody.faults or tuple(not_of_the_plan(plan, results))
    named = {fault.path for fault in broken_links}
    faults = [*(fault for fault in _forgotten(results) if fault.path not in named), *broken_links]
    if faults:
        raise VersioningError([refusal(fault) for fault in faults])
    return results


def _forgotten(results: Results) -> Iterator[Difference]:
    """Yield the records of the committed version that are gone or altered.

    Results that share no record with it were made from nothing, as in a fresh clone.
    """
    name = held_by("HEAD", str(manifest_path(results.analysis)))
    if name is None:
        return
    try:
        committed = parse_manifest(content_of(name), results.analysis)
    except VersioningError:
        return
    records = {entry.path: entry.sha256 for entry in committed.files if is_record(entry.path)}
    if not any(results.hashes.get(path) == digest for path, digest in records.items()):
        return
    for path, digest in records.items():
        if path not in results.hashes:
            yield Difference(Kind.MISSING, path, "this record was tracked, and is gone")
        elif results.hashes[path] != digest:
            yield Difference(Kind.ALTERED, path, "this record was tracked with another content")


def _require_heeded(repo: Repo, results: Sequence[Results]) -> None:
    """Refuse to track what DVC would leave out, and lose."""
    for result in results:
        folder = str(folder_of(result.analysis))
        if ignored := versioning.ignored(repo, folder, list(result.hashes)):
            more = f" and {len(ignored) - 1} more" if ignored[1:] else ""
            raise VersioningError(
                f"DVC is told to ignore this result{more}, which would be lost",
                where=ignored[0],
                todo="take the pattern that matches it out of .dvcignore, then track again",
            )


def _require_unchanged(results: Sequence[Results]) -> None:
    """Refuse what changed while it was hashed and handed to DVC."""
    changed = [path for result in results for path in result.changed()]
    if changed:
        what = "this file changed while it was tracked"
        todo = "wait until nothing writes into the results, then track again"
        raise VersioningError([Fault(what, where=path, todo=todo) for path in changed])


def _commit(tracked: Tracked) -> None:
    """Commit the pointers; what else the user has changed or staged stays as it is."""
    git("add", "--", *tracked.files)
    git("commit", "--quiet", "-m", tracked.message, "--", *tracked.files)
    print(f"committed as {git('rev-parse', '--short', 'HEAD')}: {tracked.message}")


def _differs(path: str) -> bool:
    """Tell whether git does not hold a file as it is."""
    return bool(git("status", "--porcelain", "--", path))


def _require_current(plan: Plan, names: Sequence[str]) -> None:
    for step in staying_steps(plan, names):
        state = state_of(step)
        if STEPS[step.rule].may_fail or state not in (State.STALE, State.MISSING):
            continue
        paths = list(step.outputs.values())
        missing = [path for path in paths if not Path(path).exists()]
        raise VersioningError(
            f"the results of {step.wildcards['analysis']} are not up to date: "
            + ("missing" if missing else f"{step.rule} has not run with the present declaration"),
            where=(missing or paths)[0],
            todo="run `stanchion run` first",
        )


def _write(repo: Repo, manifest: Manifest) -> None:
    write_whole(manifest_path(manifest.analysis), manifest.text())
    meta: dict[str, Any] = {"stanchion": {"manifest": manifest.sha256}}
    versioning.add(repo, str(folder_of(manifest.analysis)), meta)


def _push(repo: Repo, manifests: Sequence[Manifest], remote: str) -> None:
    """Push, then hash what arrived, and send again what the remote has lost or altered.

    DVC remembers what it has pushed, and would not look.
    """
    versioning.push(repo, [pointer_of(m.analysis) for m in manifests], remote)
    cache, store = versioning.cache_store(repo), versioning.remote_store(repo, remote)
    for manifest in manifests:
        listing, _ = versioning.read_pointer(Path(pointer_of(manifest.analysis)))
        unsound = list(broken(store, listing, manifest))
        for _ in ("the list of files", "the files"):
            for difference, oid in unsound:
                if oid is not None:
                    source = cache.path_of(oid) if oid == listing else difference.path
                    store.put(oid, source)
                    print(f"{difference.path}: {difference.what}; sent again")
            unsound = list(broken(store, listing, manifest)) if unsound else []
        if unsound:
            raise VersioningError([refusal(difference) for difference, _ in unsound])


def _list_metrics(names: Sequence[str]) -> None:
    """List each analysis's metrics for `dvc metrics`; what else stands in dvc.yaml stays."""
    from ruamel.yaml import YAML

    yaml, path = YAML(), Path(METRICS)
    content = (yaml.load(path.read_text()) if path.exists() else None) or {}
    listed = content.setdefault("metrics", [])
    paths = [f"{folder_of(name)}/metrics.json" for name in names]
    missing = [entry for entry in paths if entry not in listed]
    if missing:
        listed.extend(missing)
        with path.open("w") as file:
            yaml.dump(content, file)


def unlist_metrics(name: str) -> None:
    """Take an analysis out of the list of metrics, where it stands in it."""
    from ruamel.yaml import YAML

    yaml, path, entry = YAML(), Path(METRICS), f"{folder_of(name)}/metrics.json"
    content = (yaml.load(path.read_text()) if path.exists() else None) or {}
    if entry in (content.get("metrics") or ()):
        content["metrics"].remove(entry)
        with path.open("w") as file:
            yaml.dump(content, file)


def _files(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield str(manifest_path(name))
        yield pointer_of(name)
    for more in ("results/.gitignore", METRICS, ".dvc/config", ".dvc/.gitignore", ".dvcignore"):
        if Path(more).exists():
            yield more


def tracked_analyses(commit: str | None = None) -> list[str]:
    """Return the analyses that have a pointer here, or in a commit."""
    pointers = Path("results").glob("*.dvc") if commit is None else map(Path, _pointers(commit))
    return sorted(path.stem for path in pointers)


def _pointers(commit: str) -> list[str]:
    return [path for path in files_of(commit, "results") if path.endswith(".dvc")]

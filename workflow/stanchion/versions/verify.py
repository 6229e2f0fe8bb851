"""`stanchion verify`: results, cache and remote against manifest, records, git and declaration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from stanchion.config import load
from stanchion.config.configfile import declaration_file
from stanchion.errors import StanchionError, VersioningError
from stanchion.plan.model import Plan
from stanchion.plan.opening import open_plan
from stanchion.system.git import ask_git, held_by, name_of, revision_with
from stanchion.system.hashes import file_hash
from stanchion.versions import dvc as versioning
from stanchion.versions.declared import not_of_the_plan, with_toolchain_of
from stanchion.versions.difference import Difference, Kind
from stanchion.versions.known import known_manifests, md5_of
from stanchion.versions.manifest import (
    Entry,
    Manifest,
    bringing_back,
    manifest_path,
    pointer_of,
    read_manifest,
)
from stanchion.versions.objects import differences
from stanchion.versions.results import (
    RESULTS,
    Results,
    folder_of,
    link_in_place,
    read_results,
)
from stanchion.versions.track import tracked_analyses

_CACHE_MAY_LACK = Kind.MISSING
"""A pruned cache is no alteration: its objects come back from the remote."""
_WORST_FIRST = (Kind.ALTERED, Kind.EXTRA, Kind.MISSING, Kind.NEWER, Kind.UNCOMMITTED, Kind.STALE)
_MOST_SHOWN = 20


class Finding(IntEnum):
    """The exit code: intact, not what was tracked or declared, or cannot tell."""

    INTACT = 0
    FOUND = 1
    UNKNOWN = 2


@dataclass(frozen=True)
class Verified:
    """What verifying one analysis has shown."""

    analysis: str
    files: int
    differences: tuple[Difference, ...] = ()
    because: str | None = None
    """Why something could not be told."""
    notes: tuple[str, ...] = ()

    @property
    def finding(self) -> Finding:
        """The exit code that this analysis alone would give."""
        if self.differences:
            return Finding.FOUND
        return Finding.INTACT if self.because is None else Finding.UNKNOWN

    @property
    def kinds(self) -> set[Kind]:
        """The kinds of what was found."""
        return {difference.kind for difference in self.differences}

    @property
    def state(self) -> str:
        """The one word for it: that of the worst that was found."""
        if not self.differences:
            return "intact" if self.because is None else "cannot tell"
        worst = next(kind for kind in _WORST_FIRST if kind in self.kinds)
        return Kind.ALTERED if worst is Kind.EXTRA else worst

    def text(self) -> str:
        """Return the finding in words, a line for each difference."""
        head = f"{self.analysis}: {self.state}"
        if self.finding is Finding.INTACT:
            head += f", {self.files} files"
        rows = [f"  {d.kind}: {d.path} ({d.what})" for d in self.differences[:_MOST_SHOWN]]
        if len(self.differences) > _MOST_SHOWN:
            rows.append(f"  and {len(self.differences) - _MOST_SHOWN} more")
        if self.because is not None:
            rows.append(f"  cannot tell: {self.because}")
        return "\n".join([head, *rows, *(f"  note: {note}" for note in self.notes)])


def verify(
    analyses: Sequence[str], *, remote: bool, configfile: Path | None, as_json: bool = False
) -> int:
    """Verify analyses, or all that are declared or tracked; print what was found, return the code.

    Raises:
        VersioningError: one is neither declared nor tracked.
    """
    if ask_git("rev-parse", "--verify", "--quiet", "HEAD") is None:
        why = "this folder is not in a git repository that has a commit"
        print(_as_json([], Finding.UNKNOWN, why) if as_json else f"cannot tell: {why}")
        return Finding.UNKNOWN
    declaration = declaration_file(configfile)
    project = load(declaration)
    tracked = [*tracked_analyses(), *tracked_analyses("HEAD")]
    names = list(dict.fromkeys([*project.analyses, *tracked]))
    for name in analyses:
        if name not in names:
            raise VersioningError(f"no analysis {name!r}", allowed=", ".join(names))
    plan, because = _plan(declaration)
    store = project.versioning.remote
    verified = [
        verify_analysis(result, plan, remote=remote, name=store, because=because)
        for result in list(analyses) or names
    ]
    codes = {result.finding for result in verified}
    code = Finding.FOUND if Finding.FOUND in codes else max(codes)
    text = "\n".join(result.text() for result in verified)
    print(_as_json(verified, code) if as_json else text)
    return code


def _as_json(verified: Sequence[Verified], code: Finding, because: str | None = None) -> str:
    """Return findings as JSON: every difference of each analysis."""
    content = {
        "schema": "stanchion/verify/1",
        "exit_code": int(code),
        "because": because,
        "analyses": [
            {
                "analysis": result.analysis,
                "state": result.state,
                "files": result.files,
                "differences": [
                    {"kind": d.kind, "path": d.path, "what": d.what} for d in result.differences
                ],
                "because": result.because,
                "notes": list(result.notes),
            }
            for result in verified
        ],
    }
    return json.dumps(content, indent=1)


def _plan(declaration: Path) -> tuple[Plan | None, str | None]:
    """Return the plan of the declaration, or why there is none."""
    try:
        return open_plan(declaration, main=False), None
    except StanchionError as error:
        return None, f"whether they are those of the declaration: {error}"


def verify_analysis(
    analysis: str, plan: Plan | None, *, remote: bool, name: str | None, because: str | None = None
) -> Verified:
    """Hold an analysis's files, records and DVC objects to its manifest, to git and to the plan.

    Without a plan nothing is said of the declaration but `because`.
    """
    pointer = Path(pointer_of(analysis))
    if not manifest_path(analysis).exists() and not pointer.exists():
        return _untracked(analysis)
    lost = [*_missing(analysis)]
    if lost:
        return Verified(analysis, 0, tuple(lost))
    try:
        listing, manifest = read_tracked(analysis)
    except VersioningError as error:
        fault = error.faults[0]
        wrong = Difference(Kind.ALTERED, fault.where or str(pointer), fault.what)
        return Verified(analysis, 0, (wrong, *_not_committed(analysis)))
    results = read_results(analysis)
    differing = [*_linked(), *_in_workspace(manifest, results), *_not_committed(analysis)]
    notes: tuple[str, ...] = ()
    if plan is not None and not results.custody.faults:
        differing += _of_the_plan(plan, results)
        notes = tuple(_notes(plan, results))
    reasons = [because] if because is not None else []
    try:
        differing += _in_stores(listing, manifest, results, remote=remote, name=name)
    except (VersioningError, OSError) as error:
        reasons.append(str(error))
    return Verified(
        analysis,
        len(manifest.files),
        tuple(dict.fromkeys(differing)),
        "; ".join(reasons) or None,
        notes,
    )


def read_tracked(analysis: str) -> tuple[str, Manifest]:
    """Return the MD5 that an analysis's pointer names, and the manifest that the pointer proves.

    Raises:
        VersioningError: one of the two is missing, unreadable or not what the other says.
    """
    path, pointer = manifest_path(analysis), Path(pointer_of(analysis))
    listing, meta = versioning.read_pointer(pointer, bringing_back(pointer))
    manifest = read_manifest(path, analysis)
    try:
        digest = str(meta["stanchion"]["manifest"])
    except (KeyError, TypeError) as error:
        what = "this pointer names no manifest: `stanchion track` did not write it"
        raise VersioningError(what, where=pointer_of(analysis)) from error
    if file_hash(path) != digest:
        what = f"this manifest is not the one that {pointer_of(analysis)} names"
        raise VersioningError(what, where=str(path))
    return listing, manifest


def _untracked(analysis: str) -> Verified:
    """Return what is to say where there is neither pointer nor manifest."""
    lost = tuple(_missing(analysis))
    if lost:
        return Verified(analysis, 0, lost)
    folder = folder_of(analysis)
    if folder.exists():
        link = link_in_place()
        todo = "run `stanchion track`" if link is None else f"{RESULTS} is {link}"
        what = f"no pointer names these results: {todo}"
        return Verified(analysis, 0, (Difference(Kind.NEWER, str(folder), what),))
    what = "it is declared, and has no results: run `stanchion run`, then `stanchion track`"
    return Verified(analysis, 0, (Difference(Kind.MISSING, str(folder), what),))


def _linked() -> Iterator[Difference]:
    if (what := link_in_place()) is not None:
        yield Difference(Kind.ALTERED, str(RESULTS), what)


def _missing(analysis: str) -> Iterator[Difference]:
    """Yield the pointer or manifest that git's HEAD holds, or the other one asks for."""
    for path in (pointer_of(analysis), str(manifest_path(analysis))):
        if not Path(path).exists():
            if held_by("HEAD", path) is not None:
                yield Difference(Kind.MISSING, path, f"git's HEAD holds it: `git restore {path}`")
            elif Path(pointer_of(analysis)).exists() or manifest_path(analysis).exists():
                yield Difference(Kind.MISSING, path, "its counterpart is there: track again")


def _not_committed(analysis: str) -> Iterator[Difference]:
    for path in (pointer_of(analysis), str(manifest_path(analysis))):
        committed = held_by("HEAD", path)
        if committed is None:
            yield Difference(Kind.UNCOMMITTED, path, "git's HEAD does not hold it: commit it")
        elif committed != name_of(path):
            yield Difference(Kind.UNCOMMITTED, path, "git's HEAD names another version: commit it")


def _of_the_plan(plan: Plan, results: Results) -> Iterator[Difference]:
    if results.analysis in plan.project.analyses:
        yield from not_of_the_plan(with_toolchain_of(plan, results), results)
    else:
        what = "the declaration names no such analysis"
        yield Difference(Kind.STALE, str(folder_of(results.analysis)), what)


def _notes(plan: Plan, results: Results) -> Iterator[str]:
    """Yield each program whose text was edited since, and is the same program for the compiler."""
    compiled = {
        entry["path"]: entry["sha256"]
        for record in results.custody.records
        if record.rule == "compile_program" and record.ended_well
        for entry in record.content["inputs"]
    }
    for path in (model.program for model in plan.project.models.values() if model.program):
        recorded = compiled.get(path)
        with suppress(OSError):
            if recorded not in (None, file_hash(Path(path))):
                yield f"{path} is not the text that was compiled"


def _in_workspace(manifest: Manifest, results: Results) -> Iterator[Difference]:
    """Yield what in the folder is not as tracked, or does not hang together."""
    faults = {fault.path: fault for fault in results.custody.faults}
    yield from results.custody.faults
    entries = {entry.path: entry for entry in manifest.files}
    differing = [
        path
        for path, digest in results.hashes.items()
        if path not in entries or entries[path].sha256 != digest
    ]
    lost = [path for path in entries if path not in results.hashes]
    if not faults and (differing or lost) and (name := _other_version(results)) is not None:
        what = f"these are the results of {name}: `stanchion restore` brings those of HEAD"
        yield Difference(Kind.STALE, str(folder_of(results.analysis)), what)
        return
    for path in differing:
        if path not in faults:
            yield _since(path, entries.get(path), results)
    for path in lost:
        if path not in faults:
            yield Difference(Kind.MISSING, path, "it was there when the results were tracked")


def _since(path: str, entry: Entry | None, results: Results) -> Difference:
    """Return what became of a file that records prove, and that is not as it was tracked."""
    proof = results.custody.proofs[path]
    if entry is not None and proof.path == path:
        return Difference(Kind.ALTERED, path, "this record is not the one that was tracked")
    if entry is not None and proof.path == entry.record:
        return Difference(Kind.ALTERED, path, "its content is not what was tracked")
    return Difference(Kind.NEWER, path, f"made since, as {proof.path} says")


def _other_version(results: Results) -> str | None:
    """Return the revision whose results these are, where they are not those beside them."""
    head = held_by("HEAD", str(manifest_path(results.analysis)))
    for name, manifest in known_manifests(results.analysis):
        tracked = {entry.path: entry.sha256 for entry in manifest.files}
        if name != head and tracked == dict(results.hashes):
            return revision_with(name)
    return None


def _in_stores(
    listing: str, manifest: Manifest, results: Results, *, remote: bool, name: str | None
) -> list[Difference]:
    with versioning.repository() as repo:
        cache = versioning.cache_store(repo)
        cached = differences(cache, listing, manifest)
        differing = [difference for difference in cached if difference.kind is not _CACHE_MAY_LACK]
        if not cache.has(listing):
            differing += _of_the_pointer(listing, manifest, results)
        if remote:
            store = versioning.remote_store(repo, name)
            differing += differences(store, listing, manifest)
    return differing


def _of_the_pointer(listing: str, manifest: Manifest, results: Results) -> Iterator[Difference]:
    """Hold a pointer, whose list of files the cache lacks, to the files of its manifest."""
    if dict(results.hashes) != {entry.path: entry.sha256 for entry in manifest.files}:
        return
    folder = folder_of(manifest.analysis)
    oids = {str(Path(path).relative_to(folder)): md5_of(Path(path)) for path in results.hashes}
    if versioning.listing_of(oids) != listing:
        what = "it names other files than its manifest does"
        yield Difference(Kind.ALTERED, pointer_of(manifest.analysis), what)

"""A revision's declaration, data, programs and results, read without touching the working tree."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from stanchion.config import Analysis, Project, load
from stanchion.config.configfile import declaration_file
from stanchion.errors import VersioningError
from stanchion.plan.paths import key_file
from stanchion.provenance.keyfile import parse_line, read_line
from stanchion.stan.program import describe
from stanchion.stan.sources import FUNCTIONS
from stanchion.stats.intervals import ESTIMATE
from stanchion.system.folders import cache_root
from stanchion.system.git import require_revision
from stanchion.system.hashes import content_hash, file_hash
from stanchion.versions import dvc as versioning
from stanchion.versions.manifest import pointer_of
from stanchion.versions.results import files_in, folder_of

if TYPE_CHECKING:
    from dvc.repo import Repo

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Estimate:
    """A scalar's posterior mean and its Monte Carlo standard error, where there is one.

    Of a point it is the estimate in place of the mean, which has no such error. `label` is empty
    where none is known, as in results of earlier versions.
    """

    mean: float | None
    mcse: float | None
    label: str = ""


@dataclass(frozen=True)
class FitResult:
    """What a revision holds of a fit."""

    verdict: str | None
    estimates: Mapping[str, Estimate]
    toolchain: Json


@dataclass(frozen=True, order=True)
class AnswerKey:
    """What an answer's number is known by: a question of an analysis, a fit, and an element."""

    analysis: str
    answer: str
    fit: str
    label: str


@dataclass(frozen=True)
class AnswerResult:
    """The number that a fit gave to a question, none where it has no value, and its verdict."""

    value: Estimate
    unit: str
    verdict: str


@dataclass(frozen=True)
class Revision:
    """All that two revisions are compared by."""

    name: str
    declaration: Json
    data: Mapping[str, str]
    """Dataset → what its content is known by: `sha256:…`, or `md5:…` of a DVC pointer; of one that
    a script makes, of each file that it is made from, and of the table where there is one."""
    programs: Mapping[str, str]
    """Model → canonical text."""
    fits: Mapping[str, FitResult]
    answers: Mapping[AnswerKey, AnswerResult] = field(default_factory=dict)
    """Of the questions that the declaration asks."""


@contextmanager
def at(name: str, configfile: Path | None, stanc: Path, repo: Repo) -> Iterator[Revision]:
    """Read a revision of git; its results come from DVC's cache, else from the remote.

    Raises:
        VersioningError: git does not know it, or its results cannot be read.
    """
    commit = require_revision(name)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        _extract(commit, root)
        path = declaration_file(configfile, root)
        if not (root / path).exists():
            raise VersioningError(f"the revision {name} has no {path}")
        remote = load(root / path).versioning.remote
        shown = name if commit.startswith(name) else f"{name} ({commit[:10]})"
        yield read_tree(shown, root, path, stanc, _Tracked(root, repo, remote))


def here(configfile: Path | None, stanc: Path) -> Revision:
    """Read the working tree as it is."""
    return read_tree("the working tree", Path(), declaration_file(configfile), stanc, _Untracked())


def read_tree(name: str, root: Path, configfile: Path, stanc: Path, results: Results) -> Revision:
    """Read a tree's declaration, what it names, and its results."""
    project = load(root / configfile)
    return Revision(
        name=name,
        declaration=project.model_dump(mode="json"),
        data={**dict(_data(project, root)), **dict(_tables(project, results))},
        programs={
            model: describe(
                root / declared.program, stanc, [root / FUNCTIONS], cache_root() / "programs"
            ).canonical
            for model, declared in project.models.items()
            if declared.program is not None
        },
        fits=dict(_fits(project.analyses, results)),
        answers=dict(_answers(project.analyses, results)),
    )


class Results:
    """Reads files of an analysis's results by their path."""

    def paths(self, analysis: str) -> Sequence[str]:
        """Return the paths of an analysis's files."""
        raise NotImplementedError

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        raise NotImplementedError


class _Untracked(Results):
    def paths(self, analysis: str) -> Sequence[str]:
        return [str(path) for path in files_in(folder_of(analysis))]

    def read(self, path: str) -> bytes:
        """Return a file's content, held to what the key files beside it say that they hold."""
        content, home = Path(path).read_bytes(), Path(path).parent
        lines = [
            line for p in (home / ".keys").glob("*") if (line := read_line(str(p))) is not None
        ]
        digest = content_hash(content)
        hashes = [output.sha256 for line in lines for output in line.outputs.values()]
        if hashes and digest not in hashes:
            raise VersioningError(
                "this file is not what its step wrote: it was altered since",
                where=path,
                todo="run `stanchion run`, which makes it again",
            )
        return content


class _Tracked(Results):
    """Results that the pointers of a tree name, read as DVC's objects."""

    def __init__(self, root: Path, repo: Repo, remote: str | None) -> None:
        self._root = root
        self._repo = repo
        self._remote = remote
        self._oids: dict[str, str] = {}

    def paths(self, analysis: str) -> Sequence[str]:
        pointer = self._root / pointer_of(analysis)
        if not pointer.exists():
            return []
        listing, _ = versioning.read_pointer(pointer)
        listed = versioning.read_listing(self._object(listing))
        self._oids |= {f"results/{analysis}/{path}": oid for path, oid in listed.items()}
        return sorted(f"results/{analysis}/{path}" for path in listed)

    def read(self, path: str) -> bytes:
        return self._object(self._oids[path])

    def _object(self, oid: str) -> bytes:
        store = versioning.cache_store(self._repo)
        if not store.has(oid):
            store = versioning.remote_store(self._repo, self._remote)
        try:
            with store.open(oid) as file:
                return file.read()
        except FileNotFoundError as error:
            raise VersioningError(
                f"the {store.name} does not hold these results", where=store.path_of(oid)
            ) from error


def _extract(commit: str, root: Path) -> None:
    archived = subprocess.run(["git", "archive", commit], capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as archive:
        archive.extractall(root, filter="data")


def _data(project: Project, root: Path) -> Iterator[tuple[str, str]]:
    for name, dataset in project.datasets.items():
        if dataset.path is not None:
            yield name, _content(root / dataset.path)
        elif dataset.url is not None:
            yield name, f"sha256:{dataset.sha256}"
        for paths in dataset.made_from.values():
            yield from ((f"{name}, made from {path}", _content(root / path)) for path in paths)


def _content(path: Path) -> str:
    """Return what a file's content is known by."""
    pointer = path.with_name(f"{path.name}.dvc")
    if pointer.exists():
        return f"md5:{versioning.read_pointer(pointer)[0]}"
    return f"sha256:{file_hash(path)}" if path.exists() else "missing"


def _tables(project: Project, results: Results) -> Iterator[tuple[str, str]]:
    """Yield the tables that scripts have made, as the key files beside them say."""
    for analysis in project.analyses:
        paths = results.paths(analysis)
        for name, dataset in project.datasets.items():
            path = key_file("make_table", {"analysis": analysis, "dataset": name})
            if dataset.script is None or path not in paths:
                continue
            line = parse_line(_text(results, path))
            if line is not None and "table" in line.outputs:
                yield f"{name}, as made for {analysis}", f"sha256:{line.outputs['table'].sha256}"


def _fits(analyses: Mapping[str, Any], results: Results) -> Iterator[tuple[str, FitResult]]:
    for analysis in analyses:
        paths = results.paths(analysis)
        for path in paths:
            folder, _, name = path.rpartition("/")
            if name == "summary.csv":
                records = [p for p in paths if p.startswith(f"{folder}/records/collect_draws/")]
                diagnostics = f"{folder}/diagnostics.json"
                yield (
                    folder.removeprefix("results/"),
                    FitResult(
                        _json(results, diagnostics)["verdict"] if diagnostics in paths else None,
                        dict(_estimates(results.read(path).decode())),
                        _toolchain([_json(results, p) for p in records]),
                    ),
                )


def _answers(
    analyses: Mapping[str, Analysis], results: Results
) -> Iterator[tuple[AnswerKey, AnswerResult]]:
    """Yield the numbers of the declared questions; a file of others is left over, and not read."""
    for name, analysis in analyses.items():
        path = f"results/{name}/answers.csv"
        if not analysis.answers or path not in results.paths(name):
            continue
        for row in csv.DictReader(io.StringIO(_text(results, path))):
            fit = "/".join(row[part] for part in ("dataset", "model", "method") if row[part])
            value = Estimate(_number(row["value"]), _number(row["mcse"]))
            key = AnswerKey(name, row["answer"], fit, row["label"])
            yield key, AnswerResult(value, row["unit"], row["verdict"])


def _text(results: Results, path: str) -> str:
    try:
        return results.read(path).decode()
    except UnicodeDecodeError as error:
        raise VersioningError("this file was altered: it cannot be read", where=path) from error


def _json(results: Results, path: str) -> Json:
    try:
        content: Json = json.loads(results.read(path))
        return {**content}
    except (ValueError, TypeError) as error:
        raise VersioningError("this file was altered: it cannot be read", where=path) from error


def _estimates(text: str) -> Iterator[tuple[str, Estimate]]:
    for row in csv.DictReader(io.StringIO(text)):
        mean, error = (ESTIMATE, None) if ESTIMATE in row else ("mean", row["mcse_mean"])
        mcse = None if error is None else _number(error)
        yield row["variable"], Estimate(_number(row[mean]), mcse, row.get("label", ""))


def _number(field: str) -> float | None:
    return float(field) if field not in ("", "nan") else None


def _toolchain(records: Sequence[Json]) -> Json:
    """Return toolchain and packages of the record that ended last."""
    ended = [record for record in records if record["state"] in ("done", "reused")]
    if not ended:
        return {}
    last = max(ended, key=lambda record: str(record["ended"]))
    code = {f"{name}'s code": digest for name, digest in (last.get("code") or {}).items()}
    return {
        "python": last["python"],
        **(last["toolchain"] or {}),
        **(last["packages"] or {}),
        **code,
    }

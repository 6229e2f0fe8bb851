"""What of an analysis's results is tracked in any revision: git's history of its manifest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stanchion.errors import VersioningError
from stanchion.system.git import content_of, git, require_repository, versions_of
from stanchion.system.hashes import file_hashes
from stanchion.versions import dvc as versioning
from stanchion.versions.manifest import Manifest, manifest_path, parse_manifest, read_manifest

if TYPE_CHECKING:
    from dvc.repo import Repo

_MANIFESTS = "*.manifest.json"
_KEY = re.compile(r"\b[0-9a-f]{64}\b")


def tracked_keys() -> set[str]:
    """Return the keys that tracked results of any analysis and revision stand on.

    Their manifests, in any branch or tag and as they lie there, name each step's record with its
    key. Whatever in them looks like a key is taken for one, so that none that is damaged, or of
    another version of Stanchion, hides any.

    Raises:
        VersioningError: no result of this folder is tracked, or git does not know of any.
    """
    require_repository()
    if git("rev-parse", "--is-shallow-repository") != "false":
        raise VersioningError(
            "this clone has not all of git's history, so what is tracked cannot be known",
            where=str(Path.cwd()),
            todo="fetch it: `git fetch --unshallow`",
        )
    texts = [content_of(name) for name in versions_of(f"results/{_MANIFESTS}")]
    texts += [path.read_text(errors="replace") for path in Path("results").glob(_MANIFESTS)]
    if not texts:
        raise VersioningError(
            "no results are tracked in any revision of this folder",
            where=str(Path.cwd()),
            todo="go to the project whose results are to be kept, or leave --keep-tracked out",
        )
    return {key for text in texts for key in _KEY.findall(text)}


def known_manifests(analysis: str) -> Iterator[tuple[str, Manifest]]:
    """Yield git's name and content of every manifest of an analysis, in any branch or tag."""
    for name in versions_of(str(manifest_path(analysis))):
        try:
            yield name, parse_manifest(content_of(name), analysis)
        except VersioningError:
            continue


def unsaved(repo: Repo, paths: Sequence[Path], analysis: str, remote: str | None) -> list[str]:
    """Return the files of an analysis that would be lost if they were removed.

    A file is saved where a manifest, committed or beside the folder, names its path and content,
    and DVC's cache or the remote holds it.
    """
    saved = {
        (entry.path, entry.sha256) for manifest in _manifests(analysis) for entry in manifest.files
    }
    hashes = zip(paths, file_hashes(paths), strict=True)
    lost = {str(path) for path, digest in hashes if (str(path), digest) not in saved}
    present = [path for path in paths if str(path) not in lost]
    return sorted(lost | set(_not_held(repo, present, remote)))


def _manifests(analysis: str) -> Iterator[Manifest]:
    for _, manifest in known_manifests(analysis):
        yield manifest
    try:
        yield read_manifest(manifest_path(analysis), analysis)
    except VersioningError:
        return


def _not_held(repo: Repo, paths: Sequence[Path], remote: str | None) -> Iterator[str]:
    """Yield the files whose content neither DVC's cache nor a remote holds."""
    stores = [versioning.cache_store(repo)]
    for path in paths:
        oid = md5_of(path)
        if stores[0].has(oid):
            continue
        if len(stores) == 1 and (remote or versioning.default_remote(repo)) is not None:
            stores.append(versioning.remote_store(repo, remote))
        if not any(store.has(oid) for store in stores[1:]):
            yield str(path)


def md5_of(path: Path) -> str:
    """Return the MD5 of a file's content, by which DVC knows it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()

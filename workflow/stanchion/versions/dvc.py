"""DVC, and nothing else of the versions: the only importer of dvc. Never called from a job."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from stanchion.errors import StanchionError, VersioningError
from stanchion.system.git import ask_git, git

if TYPE_CHECKING:
    from dvc.repo import Repo

_SETTINGS = {"cache": {"type": "reflink,copy"}, "core": {"analytics": False}}
_MADE = (".dvc/.gitignore", ".dvc/config", ".dvcignore")
_FULL = (errno.ENOSPC, errno.EDQUOT)
_PARTIAL = re.compile(r"\.[A-Za-z0-9_-]{22}\.tmp")
"""The end of a name under which DVC writes a file before it renames it."""


@dataclass(frozen=True)
class Store:
    """A place where DVC keeps objects by their MD5: its cache, or a remote."""

    name: str
    odb: Any

    def has(self, oid: str) -> bool:
        """Tell whether an object is there."""
        return bool(self.odb.fs.exists(self.odb.oid_to_path(oid)))

    def open(self, oid: str) -> BinaryIO:
        """Open an object for reading; raises OSError where it cannot be read."""
        return cast(BinaryIO, self.odb.fs.open(self.odb.oid_to_path(oid), "rb"))

    def path_of(self, oid: str) -> str:
        """Return where an object lies."""
        return str(self.odb.oid_to_path(oid))

    def take(self, oid: str, other: Store) -> None:
        """Copy an object from another store, where this one lacks it."""
        if not self.has(oid):
            self.odb.add(other.path_of(oid), other.odb.fs, oid, check_exists=False)

    def put(self, oid: str, source: str) -> None:
        """Put a file in an object's place, whatever lies there; the caller knows its content."""
        from dvc.fs import localfs

        if self.has(oid):
            self.odb.fs.remove(self.path_of(oid))
        self.odb.add(source, localfs, oid, check_exists=False)


def is_set_up() -> bool:
    """Tell whether this folder, or one above it in its git repository, is under DVC."""
    top = ask_git("rev-parse", "--show-toplevel")
    folder = Path.cwd()
    inside = [folder, *folder.parents]
    if top is not None and Path(top) in inside:
        inside = inside[: inside.index(Path(top)) + 1]
    return any((folder / ".dvc").is_dir() for folder in inside)


def set_up() -> None:
    """Put this folder of a git repository under DVC, without links into its cache or analytics.

    What the user has staged stays as it is; DVC's own files are left for the user to commit.
    """
    top = ask_git("rev-parse", "--show-toplevel")
    with _translated(), _heeded():
        from dvc.repo import Repo

        with (
            Repo.init(".", subdir=top is not None and Path(top) != Path.cwd()) as repo,
            repo.config.edit() as config,
        ):
            for section, values in _SETTINGS.items():
                config[section].update(values)
    git("reset", "--quiet", "--", *_MADE)


@contextmanager
def repository() -> Iterator[Repo]:
    """Open this folder's DVC repository; DVC's errors come out as one sentence.

    Raises:
        VersioningError: there is none, or DVC cannot do what was asked of it.
    """
    with _translated():
        from dvc.repo import Repo

        with Repo() as repo:
            _mend_locks(repo)
            yield repo


def sweep(folder: Path) -> None:
    """Remove what a DVC that was killed left half-written in a folder."""
    for path in folder.rglob("*.tmp"):
        if _PARTIAL.search(path.name) and not path.is_symlink():
            path.unlink(missing_ok=True)


def _mend_locks(repo: Repo) -> None:
    """Remove DVC's note of who reads and writes, where a kill has left it half-written."""
    note = Path(str(repo.tmp_dir)) / "rwlock"
    with contextlib.suppress(OSError):
        try:
            json.loads(note.read_text())
        except ValueError:
            with repo.lock:
                note.unlink(missing_ok=True)


def add(repo: Repo, folder: str, meta: dict[str, Any]) -> None:
    """Track a folder in the pointer beside it, and write `meta` into the pointer."""
    with _heeded():
        [stage] = repo.add(folder, relink=False)
        stage.meta = meta
        stage.dump()


def push(repo: Repo, pointers: Sequence[str], remote: str | None) -> None:
    """Send what pointers name to a remote."""
    with _heeded():
        repo.push(targets=list(pointers), remote=remote)


def pull(repo: Repo, pointers: Sequence[str], remote: str | None, *, over: bool = False) -> None:
    """Bring what pointers name into the folder; over files that DVC does not know only if told."""
    with _heeded():
        repo.pull(targets=list(pointers), remote=remote, force=over)


def ignored(repo: Repo, folder: str, paths: Sequence[str]) -> list[str]:
    """Return the files of a folder that DVC leaves out, as .dvcignore tells it."""
    from dvc.fs import localfs

    walked = repo.dvcignore.find(localfs, str(Path.cwd() / folder))
    seen = {os.path.relpath(path) for path in walked}
    return [path for path in paths if path not in seen]


def incomplete() -> type[Exception]:
    """Return the error of a pull that found objects missing, as after one that was killed."""
    from dvc.exceptions import CheckoutError

    return CheckoutError


def fetch_missing(repo: Repo, pointer: str, remote: str | None) -> None:
    """Bring each object of a pointer that the cache lacks, whatever DVC remembers of it."""
    cache, store = cache_store(repo), remote_store(repo, remote)
    listing, _ = read_pointer(Path(pointer))
    cache.take(listing, store)
    with cache.open(listing) as file:
        names = read_listing(file.read())
    for oid in names.values():
        cache.take(oid, store)


def cache_store(repo: Repo) -> Store:
    """Return the repository's own cache."""
    return Store("cache", repo.cache.local)


def remote_store(repo: Repo, remote: str | None) -> Store:
    """Return a remote, or DVC's default one."""
    configured = repo.cloud.get_remote(name=remote)
    return Store(f"remote {configured.name}", repo.cloud.get_remote_odb(remote))


def default_remote(repo: Repo) -> str | None:
    """Return the name of DVC's default remote."""
    name = repo.config["core"].get("remote")
    return None if name is None else str(name)


def read_pointer(path: Path, todo: str | None = None) -> tuple[str, dict[str, Any]]:
    """Return the MD5 that a pointer names, and its `meta`; `todo` is the way out of an error.

    Raises:
        VersioningError: it cannot be read, or names another path than that beside it.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        content = YAML(typ="safe", pure=True).load(path.read_text())
        [out] = content["outs"]
        if out["path"] != path.stem or "wdir" in content:
            what = f"this pointer is not of {path.stem}, but of {out['path']}"
            raise VersioningError(what, where=str(path), todo=todo)
        return str(out["md5"]), dict(content.get("meta") or {})
    except (OSError, YAMLError, KeyError, IndexError, TypeError, ValueError) as error:
        what = "this is not a pointer that DVC can read"
        raise VersioningError(what, where=str(path), todo=todo) from error


def read_listing(text: bytes) -> dict[str, str]:
    """Return MD5 by path, from the object that lists a folder's files."""
    return {entry["relpath"]: entry["md5"] for entry in json.loads(text)}


def listing_of(oids: Mapping[str, str]) -> str:
    """Return the name of the object that lists these files of a folder, from MD5 by path."""
    from dvc_data.hashfile.tree import Tree

    tree = Tree.from_list([{"relpath": path, "md5": oid} for path, oid in oids.items()])
    tree.digest()
    return str(tree.oid)


@contextmanager
def _heeded() -> Iterator[None]:
    """Keep DVC's advice off the terminal, and raise as an error what it only logs."""
    heard = _Listener()
    loggers = [logging.getLogger(name) for name in ("dvc", "dvc_data", "dvc_objects")]
    before = [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
        logger.propagate = False
        logger.handlers = [heard]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except Exception as error:
        raise heard.first or error from error
    finally:
        for logger, (level, propagate, handlers) in zip(loggers, before, strict=True):
            logger.level, logger.propagate, logger.handlers = level, propagate, handlers


class _Listener(logging.Handler):
    """Remembers the first exception that was logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.first: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Remember the exception of a record."""
        if self.first is None and record.exc_info is not None:
            self.first = record.exc_info[1]


@contextmanager
def _translated() -> Iterator[None]:
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    try:
        yield
    except StanchionError:
        raise
    except Exception as error:
        raise _translate(error) from error


def _translate(error: Exception) -> VersioningError:
    """Return the one sentence for what went wrong."""
    from dvc.config import NoRemoteError, RemoteNotFoundError
    from dvc.exceptions import ConfirmRemoveError, NotDvcRepoError
    from dvc.lock import LockError

    if isinstance(error, NotDvcRepoError):
        todo = "run `stanchion run`, which sets it up, or `dvc init`"
        return VersioningError("this folder is not under DVC", where=str(Path.cwd()), todo=todo)
    if isinstance(error, LockError):
        todo = "wait until it ends; if none runs, remove .dvc/tmp/lock"
        return VersioningError("another process works with DVC in this folder", todo=todo)
    if isinstance(error, NoRemoteError):
        todo = "run `dvc remote add -d NAME URL`, or declare `versioning: {remote: NAME}`"
        return VersioningError("DVC has no default remote", todo=todo)
    if isinstance(error, RemoteNotFoundError):
        todo = "correct `versioning: {remote: …}`, or run `dvc remote add NAME URL`"
        return VersioningError(f"DVC does not know the remote: {error}", todo=todo)
    if isinstance(error, ConfirmRemoveError):
        todo = "keep them with `stanchion track`, or move them away"
        return VersioningError(f"results that are not saved would be lost: {error}", todo=todo)
    if isinstance(error, OSError) and error.strerror:
        path = error.filename2 or error.filename
        where = str(path) if path is not None else None
        if error.errno in _FULL:
            todo = "make room and give the command again; what was sent stays"
            return VersioningError("no space left on the device", where=where, todo=todo)
        return VersioningError(f"DVC cannot do it: {error.strerror.lower()}", where=where)
    return VersioningError(f"DVC cannot do it: {' '.join(str(error).split())}")

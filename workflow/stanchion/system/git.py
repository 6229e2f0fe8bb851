"""The few things asked of git, as a subprocess."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stanchion.errors import VersioningError
from stanchion.system.hashes import file_hash

OURS = (".dvc/.gitignore", ".dvc/config", ".dvcignore", "dvc.yaml", "results")
"""What `run` and `track` themselves make and leave to be committed."""
_LOCKED = b"index.lock': File exists"
_PATIENCE = 5.0
"""Seconds to wait for another git to end."""
_LARGE = 256 << 20
"""Bytes above which an untracked file is named by its size: no run waits for such a hash."""


def git(*words: str, folder: Path | None = None) -> str:
    """Run git and return what it prints, without the last line break.

    It runs in a session of its own, so that a kill of ours lets it end what it does to the tree;
    who comes next waits a moment for that.

    Raises:
        VersioningError: git is missing, or refuses; carries its own last words.
    """
    begun = time.monotonic()
    while True:
        try:
            command = ["git", *words]
            completed = subprocess.run(
                command, cwd=folder, capture_output=True, start_new_session=True
            )
        except OSError as error:
            raise VersioningError("git is not installed", todo="install git") from error
        if _LOCKED not in completed.stderr or time.monotonic() - begun > _PATIENCE:
            break
        time.sleep(0.1)
    if completed.returncode != 0:
        lines = completed.stderr.decode(errors="replace").strip().splitlines()
        reason = (lines or ["no reason given"])[-1].removeprefix("fatal: ").removeprefix("error: ")
        raise VersioningError(f"git {words[0]} failed: {reason}", where=str(folder or Path.cwd()))
    return completed.stdout.decode(errors="replace").rstrip("\n")


def ask_git(*words: str) -> str | None:
    """Return what git prints, or None where it has no answer."""
    try:
        return git(*words)
    except VersioningError:
        return None


def require_repository() -> None:
    """Check that this folder is in a git repository that has a commit.

    Raises:
        VersioningError: it is not, or it has none.
    """
    if ask_git("rev-parse", "--is-inside-work-tree") != "true":
        raise VersioningError(
            "this folder is not in a git repository, which versions of results are named by",
            where=str(Path.cwd()),
            todo="run `git init` and commit the project",
        )
    if ask_git("rev-parse", "--verify", "--quiet", "HEAD") is None:
        raise VersioningError(
            "the git repository has no commit yet",
            where=str(Path.cwd()),
            todo="commit the project: `git add . && git commit`",
        )


def require_revision(name: str) -> str:
    """Return the commit that a revision names.

    Raises:
        VersioningError: there is no such revision.
    """
    commit = ask_git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if commit is None:
        raise VersioningError(
            f"git knows no revision {name!r}", todo="see `git log --oneline`, or fetch it first"
        )
    return commit


def state_of_tree() -> dict[str, Any] | None:
    """Return commit and branch, and whether and how the tree differs from the commit.

    `diff_sha256` is over the changes of tracked files, and name and content of untracked ones that
    git does not ignore. What a run makes itself, and leaves for the user to commit, is no change.
    """
    commit = ask_git("rev-parse", "--verify", "--quiet", "HEAD")
    if commit is None:
        return None
    options = (
        *("--no-ext-diff", "--no-textconv", "--no-color", "--binary", "--full-index"),
        *("--no-relative", "--ignore-submodules=untracked"),
    )
    paths = _all_but_ours()
    diff = ask_git("diff", *options, "HEAD", "--", *paths) or ""
    untracked = _untracked(paths)
    digest = hashlib.sha256(diff.encode())
    for path in untracked:
        digest.update(f"\n{path} {_content_of(Path(path))}".encode())
    dirty = bool(diff or untracked)
    return {
        "commit": commit,
        "branch": ask_git("rev-parse", "--abbrev-ref", "HEAD"),
        "dirty": dirty,
        "diff_sha256": digest.hexdigest() if dirty else None,
    }


def _untracked(paths: Sequence[str]) -> list[str]:
    """Return the untracked files that pathspecs name, relative to this folder."""
    listed = ask_git("ls-files", "-z", "--others", "--exclude-standard", "--", *paths)
    return sorted(path for path in (listed or "").split("\0") if path)


def _all_but_ours() -> list[str]:
    """Return the pathspecs of the whole repository without what this folder's runs make."""
    top = ask_git("rev-parse", "--show-cdup") or "."
    return [top, *(f":(exclude){path}" for path in OURS)]


def _content_of(path: Path) -> str:
    try:
        if path.is_symlink():
            return f"-> {path.readlink()}"
        size = path.stat().st_size
        return file_hash(path) if size <= _LARGE else f"{size} bytes"
    except OSError as error:
        return f"unreadable: {error.strerror}"


def held_by(commit: str, path: str) -> str | None:
    """Return git's name for a file's content in a commit, or None where it has no such file."""
    return ask_git("rev-parse", "--verify", "--quiet", f"{commit}:./{path}")


def files_of(commit: str, folder: str) -> list[str]:
    """Return the paths of the files that a commit holds directly in a folder of this one."""
    listing = ask_git("ls-tree", "-z", "--name-only", commit, "--", f"{folder}/") or ""
    return [path for path in listing.split("\0") if path]


def name_of(path: str) -> str | None:
    """Return the name that git gives to a file's content as it lies there, or None without one."""
    return ask_git("hash-object", "--", path)


def versions_of(path: str) -> list[str]:
    """Return git's names for every content that a file had in any commit of any branch or tag."""
    words = ("--all", "--full-history", "-m", "--raw", "--no-abbrev", "--no-renames", "--format=")
    rows = (ask_git("log", *words, "--", path) or "").splitlines()
    names = [row.split()[3] for row in rows if row.startswith(":")]
    return [name for name in dict.fromkeys(names) if name.strip("0")]


def revision_with(name: str) -> str:
    """Return the first commit that holds a content, in short, by its name in git."""
    commits = ask_git("log", "--all", "--format=%h", "--reverse", f"--find-object={name}") or ""
    return (commits.splitlines() or ["another revision"])[0]


def content_of(name: str) -> str:
    """Return what git holds under a name."""
    return git("cat-file", "blob", name)

"""The few things asked of git, as a subprocess."""

from __future__ import annotations

import subprocess
from pathlib import Path

from stanchion.errors import VersioningError


def git(*words: str, folder: Path | None = None) -> str:
    """Run git and return what it prints, without the last line break.

    Raises:
        VersioningError: git is missing, or refuses; carries its own last words.
    """
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True)
    except OSError as error:
        raise VersioningError("git is not installed", todo="install git") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = (said or ["no reason given"])[-1].removeprefix("fatal: ").removeprefix("error: ")
        raise VersioningError(f"git {words[0]} failed: {reason}", where=str(folder or Path.cwd()))
    return done.stdout.decode(errors="replace").rstrip("\n")


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
    found = ask_git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if found is None:
        raise VersioningError(
            f"git knows no revision {name!r}", todo="see `git log --oneline`, or fetch it first"
        )
    return found

"""The command: read two revisions, compare, show."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from stanchion.stan.toolchain import find
from stanchion.system.git import require_repository
from stanchion.versions import dvc as versioning
from stanchion.versions.diff.compare import compare
from stanchion.versions.diff.revision import at, here
from stanchion.versions.diff.show import as_json, as_text


def diff(old: str, new: str | None, *, configfile: Path | None, json: bool) -> str:
    """Return what differs between two revisions, or between one and the working tree.

    Raises:
        VersioningError: git does not know a revision, or results cannot be read.
    """
    require_repository()
    stanc = find().stanc
    with ExitStack() as opened:
        repo = opened.enter_context(versioning.repository())
        before = opened.enter_context(at(old, configfile, stanc, repo))
        after = (
            here(configfile, stanc)
            if new is None
            else opened.enter_context(at(new, configfile, stanc, repo))
        )
        changes = compare(before, after)
    return as_json(changes) if json else as_text(changes)

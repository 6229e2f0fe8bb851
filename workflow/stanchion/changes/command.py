"""The command: read two revisions, compare, show."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from stanchion import versioning
from stanchion.changes.compare import compare
from stanchion.changes.revision import at, here
from stanchion.changes.show import as_json, as_text
from stanchion.git import require_repository
from stanchion.toolchain import find


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

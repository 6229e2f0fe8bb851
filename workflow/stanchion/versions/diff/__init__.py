"""`stanchion diff`: what changed between two revisions, from the declaration to the results."""

from __future__ import annotations

from stanchion.versions.diff.command import diff

__all__ = ["diff"]

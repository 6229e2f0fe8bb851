"""`stanchion gallery`."""

from __future__ import annotations


def gallery() -> None:
    """List the analyses that come with Stanchion: name, seconds, question, methods."""
    from stanchion.runs.gallery import entries, listing

    print(listing(entries()))

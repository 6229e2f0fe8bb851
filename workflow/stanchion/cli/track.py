"""`stanchion track`."""

from __future__ import annotations

from typing import Annotated

import typer

from stanchion.cli.arguments import Analyses, Config


def track(
    analyses: Analyses = None,
    configfile: Config = None,
    commit: Annotated[bool, typer.Option("--commit", help="Commit the pointers as well.")] = False,
) -> None:
    """Give the results a version: manifest, DVC pointer, and a push where there is a remote."""
    from stanchion.config.configfile import declaration_file
    from stanchion.versions.track import track as track_results

    track_results(analyses or [], configfile=declaration_file(configfile), commit=commit)

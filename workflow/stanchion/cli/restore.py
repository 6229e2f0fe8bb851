"""`stanchion restore`."""

from __future__ import annotations

from typing import Annotated

import typer

from stanchion.cli.arguments import Analyses, Config


def restore(
    analyses: Analyses = None,
    revision: Annotated[
        str | None, typer.Option("--rev", metavar="REV", help="Switch git to this revision first.")
    ] = None,
    configfile: Config = None,
) -> None:
    """Bring tracked results back and verify them."""
    from stanchion.versions.restore import restore as restore_results

    raise typer.Exit(restore_results(analyses or [], revision=revision, configfile=configfile))

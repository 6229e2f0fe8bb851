"""`stanchion clean`."""

from __future__ import annotations

from typing import Annotated

import typer

from stanchion.cli.arguments import Config


def clean(
    analyses: Annotated[list[str], typer.Argument(metavar="ANALYSIS...")],
    configfile: Config = None,
    force: Annotated[
        bool, typer.Option("--force", help="Remove also what is tracked in no revision.")
    ] = False,
) -> None:
    """Remove results that the declaration does not name any more."""
    from stanchion.runs.clean import clean as clean_results

    print(clean_results(analyses, configfile=configfile, force=force))

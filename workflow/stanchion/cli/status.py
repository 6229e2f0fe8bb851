"""`stanchion status`."""

from __future__ import annotations

from typing import Annotated

import typer

from stanchion.cli.arguments import Analyses, Config


def status(
    analyses: Analyses = None,
    configfile: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show each fit's state, verdict and the figures behind it, and its jobs on a cluster."""
    from stanchion.config.configfile import declaration_file
    from stanchion.runs.overview import overview

    print(overview(analyses or [], declaration_file(configfile), as_json=as_json))

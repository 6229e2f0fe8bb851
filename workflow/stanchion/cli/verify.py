"""`stanchion verify`."""

from __future__ import annotations

from typing import Annotated

import typer

from stanchion.cli.arguments import Analyses, Config


def verify(
    analyses: Analyses = None,
    remote: Annotated[bool, typer.Option("--remote", help="Hash the remote's copy too.")] = False,
    configfile: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hold results to manifest, records, git and declaration: 0 intact, 1 not, 2 cannot tell."""
    from stanchion.versions.verify import verify as verify_results

    raise typer.Exit(
        verify_results(analyses or [], remote=remote, configfile=configfile, as_json=as_json)
    )

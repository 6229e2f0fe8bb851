"""`stanchion status`."""

from __future__ import annotations

from typing import Annotated

import typer

from stanchion.cli.arguments import Analyses, Config


def status(
    analyses: Analyses = None,
    configfile: Config = None,
    again: Annotated[
        bool, typer.Option("--watch", help="Refresh every few seconds, until Ctrl-C.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show each fit's state, verdict and the figures behind it, its jobs, and how far they are."""
    from stanchion.config.configfile import declaration_file
    from stanchion.errors import StanchionError
    from stanchion.runs.overview import overview, progress_block, watch

    names, declaration = analyses or [], declaration_file(configfile)
    if again and as_json:
        raise StanchionError(
            "`--watch` is for a person, and `--json` for a program", todo="give one"
        )
    if again:
        watch(names, declaration)
        return
    print(overview(names, declaration, as_json=as_json))
    if not as_json and (block := progress_block(names)):
        print(block)

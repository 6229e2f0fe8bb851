"""`stanchion diff`."""

from __future__ import annotations

from typing import Annotated

import typer

from stanchion.cli.arguments import Config


def diff(
    old: Annotated[str, typer.Argument(metavar="REV1")],
    new: Annotated[
        str | None, typer.Argument(metavar="[REV2]", help="Without it, the working tree.")
    ] = None,
    configfile: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what changed between two revisions: declaration, data, programs, toolchain, results."""
    from stanchion.versions.diff import diff as compare_revisions

    print(compare_revisions(old, new, configfile=configfile, json=as_json))

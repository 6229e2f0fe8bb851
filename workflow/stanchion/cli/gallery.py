"""`stanchion gallery`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def gallery(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...")] = None,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--run", metavar="DIR", help="Lay each out in DIR/NAME and run it, one by one."
        ),
    ] = None,
) -> None:
    """List the analyses that come with Stanchion, or run them: question, methods, seconds."""
    if directory is None:
        from stanchion.runs.gallery import chosen_entries, listing

        print(listing(chosen_entries(names or [])))
        return
    from stanchion.runs.gallery_run import run_gallery

    raise typer.Exit(run_gallery(directory, names or []))

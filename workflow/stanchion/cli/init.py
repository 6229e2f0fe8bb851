"""`stanchion init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR")],
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="NAME", help="An analysis that `stanchion gallery` lists."),
    ] = None,
) -> None:
    """Make a project of your own, with an example in it."""
    from stanchion.project.create import init as make_project

    if source is None:
        make_project(directory)
        return
    from stanchion.runs.gallery import example, next_step

    make_project(directory, example(source))
    if (step := next_step(source, directory)) is not None:
        print(step)

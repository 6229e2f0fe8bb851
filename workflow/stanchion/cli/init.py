"""`stanchion init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(directory: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Make a project of your own, with an example in it."""
    from stanchion.project.create import init as make_project

    make_project(directory)

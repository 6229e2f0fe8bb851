"""Arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None,
    typer.Option(
        "--configfile",
        metavar="F",
        help="The declaration to read, in place of the Snakefile's `configfile:`.",
    ),
]
Analyses = Annotated[list[str] | None, typer.Argument(metavar="[ANALYSIS]...")]

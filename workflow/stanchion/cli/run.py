"""`stanchion run`."""

from __future__ import annotations

from typing import Annotated

import typer

from stanchion.cli.arguments import Analyses, Config


def run(
    analyses: Analyses = None,
    cores: Annotated[
        str | None,
        typer.Option(metavar="N", help="How many cores, or `all`, which is the default."),
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="A profile, such as `slurm`.")
    ] = None,
    configfile: Config = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print what came out as JSON, and all else on standard error."),
    ] = False,
    extra: Annotated[
        list[str] | None, typer.Option("--snakemake", hidden=True, metavar="ARG")
    ] = None,
) -> None:
    """Run analyses; what follows `--` goes to Snakemake."""
    from stanchion.runs.run import run as run_analyses

    raise typer.Exit(
        run_analyses(
            analyses or [],
            cores=cores,
            profile=profile,
            configfile=configfile,
            extra=extra or [],
            as_json=as_json,
        )
    )
